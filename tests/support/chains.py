"""Certificates for the tests: good ones as the product builds them, and bad ones with one planted defect each."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from engage_server.pki import keys, names
from engage_server.pki.chain import Chain
from engage_server.pki.issuing import authority, profiles
from engage_server.pki.issuing.authority import BuiltChain, ChainPlan, Issuer
from engage_server.records import Host, Secret
from tests.support.rsa_keys import keeping

# this hour, not a fixed one: OpenSSL, GnuTLS and the virtual lock judge these chains by the real clock
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
HOSTS = (Host("locks.example.org"), Host("10.44.68.128"), Host("localhost"), Host("127.0.0.1"))
SITE_KEY = Secret(bytes(range(100, 132)))
OTHER_SITE_KEY = Secret(bytes(range(132, 164)))


@cache
@keeping()
def key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """One of a few RSA keys that are made once for the whole run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
@keeping()
def good_chain(label: str = "") -> BuiltChain:
    """A chain as the product builds it; another label gives another chain."""
    return authority.build_chain(ChainPlan(HOSTS, label=label), NOW)


@dataclass
class Recipe:
    """A chain with defects. Every attribute's default is right."""

    root_path_length: int | None = None
    intermediate_ca: bool = True
    intermediate_cert_sign: bool = True
    intermediate_path_length: int | None = 0
    intermediate_key_bits: int = 2048
    server_key_bits: int = 2048
    server_ca: bool = False
    server_usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH
    server_san: tuple[Host, ...] | None = HOSTS
    server_common_name: str = HOSTS[0].text
    server_from: datetime = NOW - timedelta(days=7)
    server_until: datetime = NOW + timedelta(days=400)
    intermediate_until: datetime = NOW + timedelta(days=3000)
    server_hash: hashes.SHA256 | hashes.SHA384 = field(default_factory=hashes.SHA256)
    server_signed_by_stranger: bool = False
    server_ec_key: bool = False
    padding_bytes: int = 0
    extra_intermediates: int = 0

    def build(self) -> tuple[Chain, rsa.RSAPrivateKey]:
        """The chain, and the key of its server certificate."""
        root_key, intermediate_key = key(0), key(1, self.intermediate_key_bits)
        root = _sign(
            names.subject("Test Root"), None, root_key.public_key(), root_key, self._root_extensions(), NOW, 7000
        )
        issuer, issuer_key = root, root_key
        intermediates = []
        for number in range(1 + self.extra_intermediates):
            certificate = _sign(
                names.subject(f"Test Intermediate {number}"),
                issuer,
                intermediate_key.public_key(),
                issuer_key,
                self._intermediate_extensions(),
                NOW,
                (self.intermediate_until - NOW).days,
            )
            intermediates.append(certificate)
            issuer, issuer_key = certificate, intermediate_key
        server_key = key(2, self.server_key_bits)
        server = self._server(issuer, key(3) if self.server_signed_by_stranger else issuer_key, server_key)
        return Chain(root, tuple(reversed(intermediates)), server), server_key

    def _root_extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        ca = x509.BasicConstraints(ca=True, path_length=self.root_path_length)
        return [(ca, True), *profiles.ROOT.extensions()[1:]]

    def _intermediate_extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        length = self.intermediate_path_length if self.intermediate_ca else None
        constraints = x509.BasicConstraints(ca=self.intermediate_ca, path_length=length)
        profile = profiles.INTERMEDIATE if self.intermediate_cert_sign else profiles.SERVER
        usage = profile.extensions()[1]
        return [(constraints, True), usage]

    def _server(
        self, issuer: x509.Certificate, issuer_key: rsa.RSAPrivateKey, server_key: rsa.RSAPrivateKey
    ) -> x509.Certificate:
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=self.server_ca, path_length=None), True)
        ]
        if self.server_usage:
            extensions.append((x509.ExtendedKeyUsage([self.server_usage]), False))
        if self.server_san is not None:
            extensions.append(
                (x509.SubjectAlternativeName([profiles.general_name(host) for host in self.server_san]), False)
            )
        if self.padding_bytes:
            oid = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
            extensions.append((x509.UnrecognizedExtension(oid, bytes(self.padding_bytes)), False))
        public = ec.generate_private_key(ec.SECP256R1()).public_key() if self.server_ec_key else server_key.public_key()
        builder = _builder(
            names.subject(self.server_common_name), issuer.subject, public, self.server_from, self.server_until
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, self.server_hash)


def _sign(
    subject: x509.Name,
    issuer: x509.Certificate | None,
    public: rsa.RSAPublicKey,
    signing_key: rsa.RSAPrivateKey,
    extensions: list[tuple[x509.ExtensionType, bool]],
    now: datetime,
    days: int,
) -> x509.Certificate:
    begin, end = now - timedelta(days=7), now + timedelta(days=days)
    builder = _builder(subject, issuer.subject if issuer else subject, public, begin, end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signing_key, hashes.SHA256())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(authority.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def link_certificate(built: BuiltChain, new_root_key: rsa.RSAPrivateKey) -> x509.Certificate:
    """A NewWithOld link certificate: a new root's key and a name as long as the old one, signed by the old root."""
    root = built.chain.root
    return authority.issue(
        profiles.ROOT,
        root.subject,
        new_root_key.public_key(),
        (root.not_valid_before_utc, root.not_valid_after_utc),
        Issuer(root, built.root_key),
    )


__all__ = ["HOSTS", "NOW", "OTHER_SITE_KEY", "SITE_KEY", "Recipe", "good_chain", "key", "keys", "link_certificate"]
