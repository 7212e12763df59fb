"""Issues certificates: one from a profile and a key, or a whole chain from a plan."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.pki import keys, names
from engage_server.pki.chain import Chain
from engage_server.pki.extensions import extension
from engage_server.pki.issuing import profiles
from engage_server.pki.issuing.profiles import DEFAULT_LIFETIMES, CertificateProfile, Lifetimes
from engage_server.records import Host

SERIAL_NUMBER_OCTETS = 16


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CA that signs: its certificate and the private key that belongs to it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """The chain to build.

    Attributes:
        hosts: At least one host. All of them go into the SAN. The first one is the common name.
        organization: The organization in all three names, or "" for the shortest chain.
        lifetimes: How long each certificate is valid.
        label: A suffix for the CAs' common names, to distinguish the roots of two builds in a list.
    """

    hosts: tuple[Host, ...]
    organization: str = ""
    lifetimes: Lifetimes = DEFAULT_LIFETIMES
    label: str = ""


@dataclass(frozen=True, slots=True)
class BuiltChain:
    """A chain of three certificates and their private keys, from :func:`build_chain`."""

    chain: Chain
    root_key: rsa.RSAPrivateKey = field(repr=False)
    intermediate_key: rsa.RSAPrivateKey = field(repr=False)
    server_key: rsa.RSAPrivateKey = field(repr=False)


def build_chain(plan: ChainPlan, now: datetime) -> BuiltChain:
    """Build root, intermediate and server certificate with new keys. Nothing is written to disk.

    Args:
        plan: The chain to build.
        now: Timezone-aware. ``notBefore`` is :data:`profiles.BACKDATE` earlier.

    Raises:
        UsageError: A name is too long, or a lifetime is not possible.
    """
    server_name = names.subject(names.common_name_of(plan.hosts), plan.organization)
    root_days, intermediate_days, server_days = plan.lifetimes.resolved()
    root_key, intermediate_key, server_key = (keys.generate_key() for _ in range(3))
    root = issue(
        profiles.ROOT,
        _ca_name("Root", plan),
        root_key.public_key(),
        profiles.validity(now, root_days),
        root_key,
    )
    intermediate = issue(
        profiles.INTERMEDIATE,
        _ca_name("Intermediate", plan),
        intermediate_key.public_key(),
        profiles.validity(now, intermediate_days),
        Issuer(root, root_key),
    )
    server = issue(
        profiles.SERVER,
        server_name,
        server_key.public_key(),
        profiles.validity(now, server_days),
        Issuer(intermediate, intermediate_key),
        plan.hosts,
    )
    return BuiltChain(Chain(root, (intermediate,), server), root_key, intermediate_key, server_key)


def issue(
    profile: CertificateProfile,
    subject: x509.Name,
    public_key: rsa.RSAPublicKey,
    validity: tuple[datetime, datetime],
    issuer: Issuer | rsa.RSAPrivateKey,
    hosts: tuple[Host, ...] = (),
    subject_key_identifier: x509.SubjectKeyIdentifier | None = None,
) -> x509.Certificate:
    """Sign one certificate, with SHA-256 and RSA.

    Args:
        profile: The profile that defines its extensions.
        subject: Its name.
        public_key: Its public key. The private half is not needed, so the key of a CSR works, too.
        validity: (notBefore, notAfter), timezone-aware.
        issuer: The CA. For a self-signed certificate: the private key that belongs to ``public_key``.
        hosts: The hosts for the SAN of a server certificate.
        subject_key_identifier: The identifier to keep when a CA is renewed; None derives it from the key.
    """
    signing_key = issuer if not isinstance(issuer, Issuer) else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if not isinstance(issuer, Issuer) else issuer.certificate.subject)
        .public_key(public_key)
        .serial_number(random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
    )
    for value, critical in profile.extensions(hosts):
        builder = builder.add_extension(value, critical)
    identifier = subject_key_identifier or x509.SubjectKeyIdentifier.from_public_key(public_key)
    builder = builder.add_extension(identifier, False)
    if isinstance(issuer, Issuer):  # on a root it would repeat the SKI; RFC 5280 section 4.2.1.1 allows leaving it out
        builder = builder.add_extension(_authority_key_identifier(issuer), False)
    return builder.sign(signing_key, hashes.SHA256())


def random_serial_number() -> int:
    """Create a serial number of 126 random bits. It is always positive and 16 octets, so chain sizes are constant."""
    top = 1 << (SERIAL_NUMBER_OCTETS * 8 - 2)
    return top | secrets.randbelow(top)


def _authority_key_identifier(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    """The issuer's own subject key identifier. Other CAs may derive it in another way (RFC 5280 section 4.2.1.2)."""
    found = extension(issuer.certificate, x509.SubjectKeyIdentifier)
    if found is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)


def _ca_name(role: str, plan: ChainPlan) -> x509.Name:
    words = ("ENGAGE", role, plan.label)
    return names.subject(" ".join(word for word in words if word), plan.organization)
