"""The four certificates of Annex A: what each one is for, and what it must contain."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from engage_server.pki.issuing.profiles import general_name
from engage_server.pki.raw_fields import IA5_STRING, Element
from engage_server.records import Host

DOCUMENT = "Connectivity API document 0.89"  # Telekom Deutschland GmbH, draft of 22 August 2013
NETSCAPE_COMMENT = x509.ObjectIdentifier("2.16.840.1.113730.1.13")

_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)

_EXTENDED = {ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth", ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth"}


class Environment(StrEnum):
    """One of Telekom's two environments, which share neither keys nor endpoints."""

    TEST = "ta"  # test and approval
    PRODUCTION = "pe"


class Use(StrEnum):
    """What a certificate is for."""

    SIGN = "sign"  # signs messages (WS-Security)
    SSL = "ssl"  # the TLS server that Telekom calls


@dataclass(frozen=True, slots=True)
class Profile:
    """One of the four kinds of certificate.

    Attributes:
        sign: Its sign in the exchange sheet: ``1`` to ``4``.
        environment: Where it is used.
        use: What for.
        unit: The organizational unit (OU) of its subject.
        comment: Its Netscape comment.
        key_usage: Names of :class:`x509.KeyUsage`.
        extended_usage: Its one extended key usage.
    """

    sign: str
    environment: Environment
    use: Use
    unit: str
    comment: str
    key_usage: frozenset[str]
    extended_usage: x509.ObjectIdentifier

    def stem(self, short_name: str) -> str:
        """The begin of its files' names, such as ``1_sign_SampleOrg_TA``."""
        return f"{self.sign}_{self.use}_{short_name}_{self.environment.upper()}"

    def extensions(self, key: rsa.RSAPublicKey, hosts: Iterable[Host]) -> list[x509.ExtensionType]:
        """The extensions of a request, in the order of Annex A. None is critical.

        Args:
            key: The key that is certified.
            hosts: What the subject alternative name holds. Annex A has none, so it comes last.
        """
        comment = Element(IA5_STRING, self.comment.encode("ascii")).encoded()
        found: list[x509.ExtensionType] = [
            x509.BasicConstraints(ca=False, path_length=None),
            x509.KeyUsage(**{name: name in self.key_usage for name in _USAGES}),
            x509.ExtendedKeyUsage([self.extended_usage]),
            x509.UnrecognizedExtension(NETSCAPE_COMMENT, comment),
            x509.SubjectKeyIdentifier.from_public_key(key),
        ]
        names = [general_name(host) for host in hosts]
        return [*found, x509.SubjectAlternativeName(names)] if names else found


def usages_of(usage: x509.KeyUsage) -> frozenset[str]:
    """The names of the usages that a certificate allows, as in :attr:`Profile.key_usage`."""
    last_two = ("encipher_only", "decipher_only")  # cryptography refuses to say them without a key agreement
    return frozenset(name for name in _USAGES if (name not in last_two or usage.key_agreement) and getattr(usage, name))


def extended_usage_name(usage: x509.ObjectIdentifier) -> str:
    """The name of an extended key usage as OpenSSL spells it, or its number."""
    return _EXTENDED.get(usage, usage.dotted_string)


def _profile(sign: str, environment: Environment, use: Use) -> Profile:
    place = {
        Environment.TEST: ("M2M_TA", "Test and Approval (TA)"),
        Environment.PRODUCTION: ("M2M", "Production Environment (PE)"),
    }
    unit, where = place[environment]
    if use is Use.SIGN:
        comment = f"M2M API signature Certificate for {where}"
        usage, extended = frozenset({"digital_signature"}), ExtendedKeyUsageOID.CLIENT_AUTH
    else:
        comment = f"M2M API SSL-server Certificate for {where}"
        usage, extended = frozenset({"digital_signature", "key_encipherment"}), ExtendedKeyUsageOID.SERVER_AUTH
    return Profile(sign, environment, use, unit, comment, usage, extended)


PROFILES = (
    _profile("1", Environment.TEST, Use.SIGN),
    _profile("2", Environment.TEST, Use.SSL),
    _profile("3", Environment.PRODUCTION, Use.SIGN),
    _profile("4", Environment.PRODUCTION, Use.SSL),
)


def profile_for(environment: Environment, use: Use) -> Profile:
    """The profile of an environment and a use."""
    return next(each for each in PROFILES if (each.environment, each.use) == (environment, use))
