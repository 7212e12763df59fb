"""What OpenSSL's verification errors mean to somebody whose devices fail. Numbers from x509_vfy.h, OpenSSL 3."""

_NO_ISSUER = "its issuer is neither sent nor the trust anchor"

_SENTENCES = {
    2: _NO_ISSUER,
    6: "the key of its issuer cannot be read",
    7: "its signature is not by the key of its issuer",
    9: "it is not valid yet by this clock",
    10: "it has expired",
    18: "it is self-signed and not the trust anchor",
    19: "the chain ends in a root that is not the trust anchor",
    20: _NO_ISSUER,
    21: _NO_ISSUER,
    24: "it issued a certificate but is no CA (CA:FALSE)",
    25: "more intermediates stand below it than its path length allows",
    26: "it may not be used for a TLS server",
    30: "its authority key identifier is not the key identifier of its issuer",
    31: "its authority key identifier names another certificate than its issuer's",
    32: "its key usage does not allow it to sign certificates",
    34: "it has a critical extension that is not known",
    41: "one of its extensions is malformed or stands twice",
    42: "its policy extensions are malformed",
    43: "a CA above it demands a certificate policy that it does not have",
    47: "a name in it is not permitted by the name constraints of a CA above it",
    48: "a name in it is excluded by the name constraints of a CA above it",
    51: "the name constraints of a CA above it are of a kind that cannot be judged",
    52: "the name constraints of a CA above it are malformed",
    53: "a name in it is malformed, and a CA above it has name constraints",
    66: "its key is too small",
    67: "its key is too small",
    68: "it is signed with a hash that is no longer safe",
    76: "its signature's algorithm is not known",
    77: "the key of its issuer is of another kind than its signature",
    78: "the algorithm of its signature inside is not the one outside",
    79: "it issued a certificate but is no CA (CA:FALSE)",
}

DATE_ERRORS = frozenset({9, 10})
_UNTRUSTED = {2, 18, 19, 20, 21}


def verification_sentence(code: int, depth: int) -> str:
    """What failed, and at which certificate.

    Args:
        code: X509_V_ERR_...
        depth: 0 is the server certificate, 1 its issuer, and so on.
    """
    which = "the server certificate" if depth == 0 else "the intermediate" if depth == 1 else f"issuer no. {depth}"
    what = _SENTENCES.get(code, "it is not acceptable")
    return f"{which} is refused: {what} (X509_V_ERR {code})"


def verification_advice(code: int) -> str:
    """How to mend the host, or "" when the sentence says it all."""
    if code not in _UNTRUSTED:
        return "Build and stage a new chain: engage chain build."
    return (
        "The chain that the TLS host presents does not lead to the certificate that it distributes, or the "
        "intermediate is not sent. If the site's anchor is the intermediate, only devices that accept a partial "
        "chain take it: --partial-chain."
    )
