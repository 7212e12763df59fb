"""Each MUST in RFC 5280 sections 4.1 and 4.2 on a certificate's content: the rule that checks it, or why none does.

``docs/checks.md`` shows the table. A test compares it with the rules: every section that a finding names is here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Must:
    """One requirement.

    Attributes:
        section: The section of RFC 5280.
        what: The requirement, in our words.
        codes: The findings for a certificate that breaks it.
        reason: Why there is no finding, or what else checks it.
    """

    section: str
    what: str
    codes: tuple[str, ...] = ()
    reason: str = ""


_READ = "cryptography reads DER strictly: `certificate.invalid`"
_NOBODY = "no TLS client checks it; devices ignore it"
_CRITICAL = "not required by us: small TLS stacks refuse a critical one, see `encoding.critical_extension`"

MUSTS = (
    Must("4.1.1.1", "the signed part is a TBSCertificate", reason=_READ),
    Must("4.1.1.2", "the outer signature algorithm equals the signed one", ("encoding.signature_algorithm",)),
    Must("4.1.1.3", "the signature is the issuer's, over the DER of the signed part", ("path.signature_invalid",)),
    Must("4.1.2.1", "a certificate with extensions has version 3", ("encoding.version",)),
    Must(
        "4.1.2.1",
        "readers accept version 2",
        reason="it cannot have extensions: `certificate.invalid`",
    ),
    Must("4.1.2.2", "the serial number is positive and has at most 20 octets", ("encoding.serial",)),
    Must("4.1.2.2", "no issuer uses a serial number twice", ("encoding.serial_repeated",)),
    Must("4.1.2.3", "the signed algorithm equals the outer one", ("encoding.signature_algorithm",)),
    Must("4.1.2.4", "the issuer's name is not empty", ("encoding.empty_name",)),
    Must("4.1.2.4", "names are PrintableString or UTF8String", ("encoding.string_type",)),
    Must("4.1.2.4", "the issuer's name is encoded as in the issuer's certificate", ("path.name_spelling",)),
    Must("4.1.2.5", "the certificate is valid now", ("validity.not_yet", "validity.expired")),
    Must("4.1.2.5", "UTCTime through 2049, GeneralizedTime from 2050 on", ("encoding.time", "encoding.late_time")),
    Must("4.1.2.5.1", "UTCTime has seconds and ends with Z", reason=_READ),
    Must("4.1.2.5.2", "GeneralizedTime has seconds, no fraction, and ends with Z", reason=_READ),
    Must("4.1.2.6", "each CA has a subject name", ("encoding.empty_name",)),
    Must("4.1.2.6", "the parts of a name keep to their limits", ("encoding.attribute_length",)),
    Must("4.1.2.7", "the algorithm of the key is given, with its parameters", ("key.not_rsa", "signature.pss")),
    Must("4.1.2.8", "there are no unique identifiers", ("encoding.unique_identifier",)),
    Must("4.1.2.9", "the list of extensions, if present, is not empty", reason=_READ),
    Must("4.2", "no extension appears twice", ("encoding.extension_repeated",)),
    Must("4.2", "readers refuse an unknown critical extension", ("encoding.critical_extension",)),
    Must("4.2.1", "each extension has the structure that its type requires", ("encoding.extension_malformed",)),
    Must(
        "4.2.1.1",
        "all certificates but roots have an authority key identifier",
        ("path.no_authority_identifier",),
    ),
    Must("4.2.1.1", "it is the key identifier of the issuer", ("path.key_identifier", "path.self_issued")),
    Must("4.2.1.1", "it distinguishes two issuers of the same name", ("path.ambiguous_issuer",)),
    Must("4.2.1.1", "its issuer and serial number are those of the issuer's certificate", ("path.issuer_serial",)),
    Must("4.2.1.1", "the authority key identifier is not critical", ("encoding.critical_extension",)),
    Must("4.2.1.2", "every CA has a subject key identifier", ("path.no_key_identifier",)),
    Must("4.2.1.2", "the subject key identifier is not critical", ("encoding.critical_extension",)),
    Must("4.2.1.3", "a CA has a key usage", ("path.issuer_form",)),
    Must("4.2.1.3", "a CA's key usage has keyCertSign", ("path.issuer_may_not_sign",)),
    Must("4.2.1.3", "only a certificate with CA:TRUE has keyCertSign", ("server.may_sign",)),
    Must("4.2.1.3", "at least one usage is set", ("server.no_signature", "path.issuer_may_not_sign")),
    Must("4.2.1.4", "no policy appears twice", reason=_NOBODY),
    Must("4.2.1.4", "readers understand or refuse a critical one", ("encoding.critical_extension",)),
    Must("4.2.1.5", "any policy is not mapped", reason="TLS clients map policies only when configured to"),
    Must("4.2.1.6", "every name that clients call is there, in its own type", ("san.missing", "san.host_missing")),
    Must("4.2.1.6", "it is critical if the subject is empty", ("san.not_critical",)),
    Must("4.2.1.6", "it has an entry, and addresses have 4 or 16 octets", ("encoding.extension_malformed",)),
    Must(
        "4.2.1.6",
        "a dNSName is not a space and is a valid host name",
        reason="any other text matches no host: `san.host_missing`",
    ),
    Must("4.2.1.7", "issuer alternative names are valid names", ("encoding.extension_malformed",)),
    Must("4.2.1.8", "subject directory attributes are not critical", ("encoding.critical_extension",)),
    Must("4.2.1.9", "each issuer has CA:TRUE", ("path.issuer_not_ca",)),
    Must("4.2.1.9", "a CA's basic constraints are critical", ("path.issuer_form",)),
    Must("4.2.1.9", "only a certificate with CA:TRUE has a path length", ("encoding.path_length",)),
    Must("4.2.1.9", "no more intermediates follow than the path length allows", ("path.length_exceeded",)),
    Must("4.2.1.9", "a server certificate is not a CA", ("server.is_ca", "server.may_sign")),
    Must("4.2.1.10", "every name below is permitted and not excluded", ("path.name_constraints",)),
    Must("4.2.1.10", "only CA certificates have name constraints", ("server.name_constraints",)),
    Must(
        "4.2.1.10",
        "name constraints are critical",
        reason="not required by us: mbed TLS refuses it",
    ),
    Must("4.2.1.11", "if a policy is required, the path has one", ("path.policy",)),
    Must("4.2.1.11", "policy constraints are critical", reason=_CRITICAL),
    Must("4.2.1.12", "the extended key usage allows TLS servers", ("server.usage", "path.issuer_usage")),
    Must("4.2.1.13", "distribution points have a name or an issuer", reason="devices do not fetch CRLs"),
    Must("4.2.1.14", "if any policy is inhibited, it does not count", ("path.policy",)),
    Must("4.2.1.14", "inhibiting any policy is critical", reason=_CRITICAL),
    Must("4.2.1.15", "freshest CRL is not critical", ("encoding.critical_extension",)),
    Must("4.2.2.1", "authority information access is not critical", ("encoding.critical_extension",)),
    Must("4.2.2.2", "subject information access is not critical", ("encoding.critical_extension",)),
)
