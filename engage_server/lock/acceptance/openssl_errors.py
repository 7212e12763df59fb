"""Explains OpenSSL's verification errors to operators. The numbers are from x509_vfy.h, OpenSSL 3."""

_NO_ISSUER = "its issuer is neither sent nor the trust anchor"

_SENTENCES = {
    2: _NO_ISSUER,
    6: "the key of its issuer cannot be read",
    7: "it is not signed with its issuer's key",
    9: "it is not valid yet, according to this clock",
    10: "it has expired",
    18: "it is self-signed and not the trust anchor",
    19: "the chain ends in a root that is not the trust anchor",
    20: _NO_ISSUER,
    21: _NO_ISSUER,
    24: "it issued a certificate but is not a CA (CA:FALSE)",
    25: "more intermediates are below it than its path length allows",
    26: "it may not be used for a TLS server",
    30: "its authority key identifier is not the subject key identifier of its issuer",
    31: "its authority key identifier is for another certificate than its issuer's",
    32: "its key usage does not allow it to sign certificates",
    34: "it has an unknown critical extension",
    41: "one of its extensions is malformed or appears twice",
    42: "its policy extensions are malformed",
    43: "a CA above it requires a certificate policy that it does not have",
    47: "a name in it is not permitted by the name constraints of a CA above it",
    48: "a name in it is excluded by the name constraints of a CA above it",
    51: "the name constraints of a CA above it are of an unsupported type",
    52: "the name constraints of a CA above it are malformed",
    53: "a name in it is malformed, and a CA above it has name constraints",
    66: "its key is too small",
    67: "its key is too small",
    68: "it is signed with a hash that is no longer safe",
    76: "its signature algorithm is unknown",
    77: "its signature does not match the type of its issuer's key",
    78: "the signature algorithm in its signed part differs from the one outside",
    79: "it issued a certificate but is not a CA (CA:FALSE)",
}

DATE_ERRORS = frozenset({9, 10})
_UNTRUSTED = {2, 18, 19, 20, 21}


def verification_sentence(code: int, depth: int) -> str:
    """Describe what failed, and for which certificate.

    Args:
        code: The number of an X509_V_ERR_... constant.
        depth: 0 for the server certificate, 1 for its issuer, and so on.
    """
    which = "the server certificate" if depth == 0 else "the intermediate" if depth == 1 else f"issuer {depth}"
    what = _SENTENCES.get(code, "it is not acceptable")
    return f"{which} is refused: {what} (X509_V_ERR {code})"


def verification_advice(code: int) -> str:
    """How to fix the host."""
    if code in DATE_ERRORS:
        return (
            "Compare the dates with the clock of the device. If the certificate has ended, renew it: engage status "
            "says which, and engage rotate start renews it."
        )
    if code not in _UNTRUSTED:
        return "Build and stage a new chain: engage chain build."
    return (
        "The TLS chain does not end at the distributed certificate, or the intermediate is not sent. If the anchor "
        "is the intermediate, only devices that accept a partial chain work: --partial-chain."
    )
