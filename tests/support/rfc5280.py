"""Each MUST of RFC 5280 sections 4.1 and 4.2 about what stands in a certificate: the rule that looks, or why none does.

``docs/checks.md`` shows the table. A test holds it against the rules: what a finding gives as its source stands here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Must:
    """One requirement.

    Attributes:
        section: Of RFC 5280.
        what: The requirement, in our words.
        codes: The findings that say that it is not met.
        reason: Why there is none, or what else takes care of it.
    """

    section: str
    what: str
    codes: tuple[str, ...] = ()
    reason: str = ""


_READ = "cryptography reads DER strictly: `certificate.invalid`"
_NOBODY = "no TLS client looks; a device does nothing with it"
_CRITICAL = "not asked for: small TLS stacks refuse a critical one, which gives `encoding.critical_extension`"

MUSTS = (
    Must("4.1.1.1", "what is signed has the form of a TBSCertificate", reason=_READ),
    Must("4.1.1.2", "the algorithm outside is the one inside", ("encoding.signature_algorithm",)),
    Must("4.1.1.3", "the signature is the issuer's, over the DER of what is signed", ("path.signature_invalid",)),
    Must("4.1.2.1", "with extensions the version is 3", ("encoding.version",)),
    Must(
        "4.1.2.1",
        "version 2 is known to readers",
        reason="it cannot have extensions: `certificate.invalid`",
    ),
    Must("4.1.2.2", "the serial number is positive and has at most 20 octets", ("encoding.serial",)),
    Must("4.1.2.2", "an issuer gives no serial number twice", ("encoding.serial_repeated",)),
    Must("4.1.2.3", "the algorithm inside is the one outside", ("encoding.signature_algorithm",)),
    Must("4.1.2.4", "the issuer's name is not empty", ("encoding.empty_name",)),
    Must("4.1.2.4", "names are PrintableString or UTF8String", ("encoding.string_type",)),
    Must("4.1.2.4", "the issuer's name is spelled as the issuer spells it", ("path.name_spelling",)),
    Must("4.1.2.5", "it has begun, and has not ended", ("validity.not_yet", "validity.expired")),
    Must("4.1.2.5", "UTCTime through 2049, GeneralizedTime from 2050 on", ("encoding.time", "encoding.late_time")),
    Must("4.1.2.5.1", "UTCTime has seconds and ends with Z", reason=_READ),
    Must("4.1.2.5.2", "GeneralizedTime has seconds, no fraction, and ends with Z", reason=_READ),
    Must("4.1.2.6", "a CA has a name", ("encoding.empty_name",)),
    Must("4.1.2.6", "attributes keep to their lengths", ("encoding.attribute_length",)),
    Must("4.1.2.7", "the key's algorithm is named, with its parameters", ("key.not_rsa", "signature.pss")),
    Must("4.1.2.8", "there are no unique identifiers", ("encoding.unique_identifier",)),
    Must("4.1.2.9", "extensions, if there are any, are one or more", reason=_READ),
    Must("4.2", "no extension stands there twice", ("encoding.extension_repeated",)),
    Must("4.2", "a critical extension that is not known is refused", ("encoding.critical_extension",)),
    Must("4.2.1", "each extension has the form of its kind", ("encoding.extension_malformed",)),
    Must(
        "4.2.1.1",
        "all but roots say their issuer's key identifier",
        ("path.no_authority_identifier",),
    ),
    Must("4.2.1.1", "it is the identifier of this issuer's key", ("path.key_identifier", "path.self_issued")),
    Must("4.2.1.1", "where two issuers share a name, it tells which", ("path.ambiguous_issuer",)),
    Must("4.2.1.1", "its issuer and serial number are those of this issuer's certificate", ("path.issuer_serial",)),
    Must("4.2.1.1", "it is not critical", ("encoding.critical_extension",)),
    Must("4.2.1.2", "every CA has a key identifier", ("path.no_key_identifier",)),
    Must("4.2.1.2", "it is not critical", ("encoding.critical_extension",)),
    Must("4.2.1.3", "a CA has a key usage", ("path.issuer_form",)),
    Must("4.2.1.3", "a CA's key usage has keyCertSign", ("path.issuer_may_not_sign",)),
    Must("4.2.1.3", "keyCertSign stands beside CA:TRUE alone", ("server.may_sign",)),
    Must("4.2.1.3", "at least one usage is set", ("server.no_signature", "path.issuer_may_not_sign")),
    Must("4.2.1.4", "no policy stands there twice", reason=_NOBODY),
    Must("4.2.1.4", "a critical one is understood, or refused", ("encoding.critical_extension",)),
    Must("4.2.1.5", "any policy is not mapped", reason="no TLS client maps policies unless it is told to"),
    Must(
        "4.2.1.6", "the names that a client calls are there, each in its own form", ("san.missing", "san.host_missing")
    ),
    Must("4.2.1.6", "it is critical where the subject is empty", ("san.not_critical",)),
    Must("4.2.1.6", "it has an entry, and addresses have 4 or 16 octets", ("encoding.extension_malformed",)),
    Must(
        "4.2.1.6",
        "a dNSName is not a space, and has the form of a host",
        reason="others are no host: `san.host_missing`",
    ),
    Must("4.2.1.7", "issuer alternative names have the form of names", ("encoding.extension_malformed",)),
    Must("4.2.1.8", "subject directory attributes are not critical", ("encoding.critical_extension",)),
    Must("4.2.1.9", "who issues says CA:TRUE", ("path.issuer_not_ca",)),
    Must("4.2.1.9", "a CA's basic constraints are critical", ("path.issuer_form",)),
    Must("4.2.1.9", "a path length stands beside CA:TRUE alone", ("encoding.path_length",)),
    Must("4.2.1.9", "no more intermediates follow than the path length allows", ("path.length_exceeded",)),
    Must("4.2.1.9", "a server certificate is no CA", ("server.is_ca", "server.may_sign")),
    Must("4.2.1.10", "no name below is outside of what is permitted, or excluded", ("path.name_constraints",)),
    Must("4.2.1.10", "name constraints stand in CAs' certificates alone", ("server.name_constraints",)),
    Must(
        "4.2.1.10",
        "it is critical",
        reason="not asked for: mbed TLS refuses it",
    ),
    Must("4.2.1.11", "where a policy is demanded, the path has one", ("path.policy",)),
    Must("4.2.1.11", "policy constraints are critical", reason=_CRITICAL),
    Must("4.2.1.12", "the extended key usage allows TLS servers", ("server.usage", "path.issuer_usage")),
    Must("4.2.1.13", "distribution points have a name or an issuer", reason="devices fetch no revocation lists"),
    Must("4.2.1.14", "where any policy is inhibited, it does not count", ("path.policy",)),
    Must("4.2.1.14", "inhibiting any policy is critical", reason=_CRITICAL),
    Must("4.2.1.15", "freshest CRL is not critical", ("encoding.critical_extension",)),
    Must("4.2.2.1", "authority information access is not critical", ("encoding.critical_extension",)),
    Must("4.2.2.2", "subject information access is not critical", ("encoding.critical_extension",)),
)
