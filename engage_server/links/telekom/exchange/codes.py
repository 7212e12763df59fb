"""Every finding of ``engage telekom check``: its stable code, its severity, the rule, where it comes from, the fix."""

from dataclasses import dataclass

from engage_server.checks.finding import Finding, Severity
from engage_server.links.telekom.certificates.profiles import DOCUMENT

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_KEYS = "section 1, System Requirements"
_URLS = "section 2.1"
_REQUIREMENTS = "section 3.2"
_PROFILE = "section 3.3 and Annex A"
_AGAIN = "Make a new request: engage telekom csr."
_NEW_KEY = "Make a new key and request for one of them: engage telekom csr."


@dataclass(frozen=True, slots=True)
class Code:
    """One code.

    Attributes:
        code: ``telekom.what``.
        severity: How serious it is.
        rule: What is true of a good set.
        source: Where the rule comes from: a section of Telekom's document, or something else.
        fix: What to do.
    """

    code: str
    severity: Severity
    rule: str
    source: str
    fix: str


def _of_document(code: str, severity: Severity, rule: str, section: str, fix: str) -> Code:
    return Code(f"telekom.{code}", severity, rule, f"{DOCUMENT}, {section}", fix)


def _of_others(code: str, severity: Severity, rule: str, source: str, fix: str) -> Code:
    return Code(f"telekom.{code}", severity, rule, source, fix)


_SHARED = (
    _of_document("key_in_both_environments", _ERROR, "TA and PE share no private key.", _KEYS, _NEW_KEY),
    _of_others(
        "key_in_both_uses",
        _ERROR,
        "Signatures and TLS share no private key.",
        "our rule: the document has a key for each of the four certificates",
        _NEW_KEY,
    ),
    _of_document(
        "endpoint_in_both_environments",
        _ERROR,
        "Endpoints of TA and PE differ in host name or port. Telekom's own differ, too.",
        _URLS,
        "Give one of them another host name or port.",
    ),
    _of_others(
        "own_certificate",
        _ERROR,
        "Telekom's certificates do not have your keys.",
        "our rule: such a file was put in the wrong place",
        "Put Telekom's own certificate there.",
    ),
)

_KEY_CODES = (
    _of_document("key_not_rsa", _ERROR, "Keys are RSA keys.", _REQUIREMENTS, _AGAIN),
    _of_document("key_too_small", _ERROR, "RSA keys have at least 2048 bits.", _REQUIREMENTS, _AGAIN),
    _of_others(
        "key_mismatch",
        _ERROR,
        "The private key belongs to its certificate.",
        "no signature and no TLS works with another key",
        "Put the key there that this certificate was requested with.",
    ),
    _of_others(
        "request_mismatch",
        _WARNING,
        "A certificate has the key of its request.",
        "our rule: else it was issued for another request",
        "Compare the fingerprint of the request with Telekom's.",
    ),
    _of_others(
        "key_missing",
        _WARNING,
        "Each of your certificates has its private key beside it.",
        "our rule: nothing can be signed without it",
        "Put its key there, or check where it is.",
    ),
    _of_others(
        "key_locked",
        _NOTE,
        "Keys can be opened, so that they can be compared.",
        "our rule",
        "Give the passphrase: --passphrase-file FILE.",
    ),
    _of_document(
        "key_unencrypted",
        _WARNING,
        "Private keys are encrypted on the disk.",
        "section 3.3",
        "Encrypt it: openssl pkcs8 -topk8 -in FILE -out NEW_FILE.",
    ),
    _of_document(
        "readable_by_others",
        _ERROR,
        "Only their owner can read files with keys and secrets.",
        "section 3.1",
        "chmod 600 FILE.",
    ),
    _of_others("secret_empty", _ERROR, "A file for a secret is not empty.", "our rule", "Write the secret into it."),
)

_PROFILE_CODES = (
    _of_document("not_version_3", _ERROR, "Certificates have X.509 version 3.", _REQUIREMENTS, "Have it issued again."),
    _of_document("is_ca", _ERROR, "Your certificates are not those of a CA.", _PROFILE, "Have it issued again."),
    _of_document("no_basic_constraints", _NOTE, "Basic constraints say CA:FALSE.", _PROFILE, "Nothing, as a rule."),
    _of_document("key_usage_missing", _ERROR, "The key usage allows what the profile needs.", _PROFILE, _AGAIN),
    _of_document("key_usage_more", _WARNING, "The key usage allows nothing else.", _PROFILE, _AGAIN),
    _of_document("extended_usage_missing", _ERROR, "The extended key usage is that of the profile.", _PROFILE, _AGAIN),
    _of_document("extended_usage_more", _WARNING, "There is no other extended key usage.", _PROFILE, _AGAIN),
    _of_document("comment", _NOTE, "The Netscape comment is that of the profile.", _PROFILE, "Nothing, as a rule."),
    _of_document("no_key_identifier", _NOTE, "There is a subject key identifier.", _PROFILE, "Nothing, as a rule."),
    _of_others(
        "no_alternative_name",
        _WARNING,
        "A TLS server certificate has a subject alternative name.",
        "RFC 9525 section 2: today's clients ignore the common name",
        "Ask Telekom whether their client needs one; make a request with --san.",
    ),
    _of_others(
        "host_not_named",
        _ERROR,
        "A TLS server certificate names the host that is called.",
        "section 6 of the document; RFC 9525",
        "Have it issued for this host, or correct the URL.",
    ),
    _of_others(
        "other_certificate_served",
        _ERROR,
        "The host that serves an environment presents the certificate of the sheet.",
        f"{DOCUMENT}, section 6",
        "Name the same certificate in both tables.",
    ),
)

_SUBJECT_CODES = (
    _of_document("subject_differs", _ERROR, "The subject is that of organisation.toml.", _REQUIREMENTS, _AGAIN),
    _of_document("subject_missing", _WARNING, "The subject has all seven attributes.", _PROFILE, "Ask the CA."),
    _of_document("subject_email", _WARNING, "The e-mail address is that of organisation.toml.", _PROFILE, _AGAIN),
    _of_others(
        "no_organisation",
        _NOTE,
        "There is an organisation.toml to compare subjects with.",
        "our rule",
        "Give it: --config FILE.",
    ),
)

_DATE_CODES = (
    _of_others("expired", _ERROR, "No certificate has expired.", "RFC 5280 section 6.1.3", "Renew it now."),
    _of_others("not_yet_valid", _ERROR, "Each certificate is valid now.", "RFC 5280 section 6.1.3", "Wait."),
    _of_document(
        "ends_soon",
        _WARNING,
        "No certificate expires soon. Telekom takes up to ten working days.",
        "Preface",
        "Renew it: engage telekom csr, with a new folder in this one.",
    ),
    _of_document(
        "too_long", _WARNING, "Your certificates are valid for three years at most.", "Setup outline", "Ask the CA."
    ),
    _of_others(
        "former",
        _NOTE,
        "Each item has one certificate.",
        "our rule: the one that became valid last counts",
        "Remove the earlier one when it is no longer used.",
    ),
)

_CHAIN_CODES = (
    _of_others(
        "weak_signature",
        _ERROR,
        "No certificate is signed with MD5 or SHA-1.",
        "every current guideline; OpenSSL refuses them by default",
        "Have it issued again, with SHA-256.",
    ),
    _of_document(
        "self_signed",
        _ERROR,
        "Your certificates are issued by a CA that Telekom trusts.",
        _REQUIREMENTS,
        "Send the request to Telekom or another CA.",
    ),
    _of_others(
        "issuer_unknown",
        _NOTE,
        "The CAs of a certificate are among the files.",
        "our rule: else its signature cannot be verified here",
        "Put the certificates of its CAs beside it.",
    ),
    _of_others(
        "issuer_broken",
        _ERROR,
        "Each certificate is signed by the CA above it.",
        "RFC 5280 section 6.1.3",
        "Put the right CA there, or have it issued again.",
    ),
    _of_others(
        "issuer_expired", _ERROR, "No CA has expired.", "RFC 5280 section 6.1.3", "Have it issued by another CA."
    ),
    _of_document(
        "other_root",
        _NOTE,
        "Your certificates lead to a root that Telekom's lead to, too.",
        _REQUIREMENTS,
        "Ask Telekom whether their gateway trusts this root.",
    ),
)

_URL_CODES = (
    _of_document("url_invalid", _ERROR, "A URL begins with https:// and names a host.", "section 1", "Correct it."),
    _of_document("port", _WARNING, "Endpoints of PE use port 443.", "section 1", "Use port 443 if you can."),
    _of_document("address", _NOTE, "Endpoints have a DNS name, not an address.", "section 2.1", "Use a DNS name."),
)

_FILE_CODES = (
    _of_others("unreadable", _ERROR, "Each file can be read.", "our rule", "Restore it."),
    _of_others(
        "unplaced",
        _NOTE,
        "Each file belongs to an item of the sheet.",
        "our rule: its name begins with the item's sign, or it has the key of one",
        "Rename it, such as 1_NAME.pem or A_NAME.pem, or remove it.",
    ),
)

CODES = {
    each.code: each
    for each in (
        *_SHARED,
        *_KEY_CODES,
        *_PROFILE_CODES,
        *_SUBJECT_CODES,
        *_DATE_CODES,
        *_CHAIN_CODES,
        *_URL_CODES,
        *_FILE_CODES,
    )
}


def finding(
    what: str, sentence: str, about: str = "", *, fix: str = "", measured: str = "", limit: str = ""
) -> Finding:
    """A finding with the severity, the source and the fix of its code.

    Args:
        what: The code without ``telekom.``.
        sentence: What was found.
        about: The item and file that it is about; "" for the whole set.
        fix: A fix that fits better than that of the code.
        measured: The measured value with its unit, or "".
        limit: The limit that it was compared with, or "".
    """
    code = CODES[f"telekom.{what}"]
    return Finding(
        code.severity,
        code.code,
        sentence=sentence,
        certificate=about,
        source=code.source,
        mend=fix or code.fix,
        measured=measured,
        limit=limit,
    )
