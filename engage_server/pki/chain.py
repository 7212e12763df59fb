"""A chain of certificates in the order in which it is validated."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.errors import CertificateInvalid
from engage_server.pki.extensions import UNREADABLE
from engage_server.pki.names import comparable
from engage_server.records import AnchorRole

_NOT_ISSUED = (*UNREADABLE, InvalidSignature)

# OpenSSL refuses longer ones for keys of more than 3072 bits. For others each verification would take 200 times as long
_LONGEST_EXPONENT_BITS = 64


@dataclass(frozen=True, slots=True)
class Chain:
    """A root, any number of intermediates, and a server certificate.

    The order shows which certificate claims to have issued which. It does **not** mean that signatures or dates are
    valid: the checks examine those.

    Attributes:
        root: Self-issued. Not sent by a TLS server, but counted by devices.
        intermediates: From the issuer of the server certificate up to the one below the root. May be empty.
        server: The TLS server's certificate.
        links: Certificates in which an older root vouches for ``root`` (NewWithOld, RFC 4210 section 4.4). They are
            sent after the intermediates, so that devices whose anchor is the older root find a path, too.
    """

    root: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    server: x509.Certificate
    links: tuple[x509.Certificate, ...] = ()

    @property
    def sent(self) -> tuple[x509.Certificate, ...]:
        """What a TLS server sends: the server certificate, then the intermediates (RFC 5246 section 7.4.2), then links.

        Each certifies the one before it, as the RFC requires. A link certifies the intermediate below the root.
        """
        return (self.server, *self.intermediates, *self.links)

    def __iter__(self) -> Iterator[x509.Certificate]:
        """Yield the certificates from the root down to the server. Links belong to another path and are left out."""
        yield self.root
        yield from reversed(self.intermediates)
        yield self.server

    def role_of(self, certificate: x509.Certificate) -> str:
        """``root``, ``intermediate``, ``server`` or ``link``."""
        if certificate == self.root:
            return "root"
        if certificate in self.links:
            return "link"
        return "server" if certificate == self.server else "intermediate"

    def anchor(self, role: AnchorRole) -> x509.Certificate:
        """The certificate that devices are given: the root, or the intermediate next to it.

        Raises:
            CertificateInvalid: The role is intermediate, but the chain has none.
        """
        if role is AnchorRole.ROOT:
            return self.root
        if not self.intermediates:
            raise CertificateInvalid(
                "the chain has no intermediate that could be the trust anchor",
                "Use the root as the site's anchor, or a chain with an intermediate.",
            )
        return self.intermediates[-1]


@lru_cache(maxsize=2048)  # the path search asks it of each pair with matching names, then the rules do
def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether name and signature match. Ignores dates, constraints, usages and how the name is encoded."""
    if comparable(certificate.issuer) != comparable(issuer.subject):
        return False
    try:
        _verify(issuer.public_key(), certificate)
    except _NOT_ISSUED:  # a key or signature that cannot be used proves nothing either
        return False
    return True


def _verify(key: PublicKeyTypes, certificate: x509.Certificate) -> None:
    """Verify a signature. ``verify_directly_issued_by`` would also compare name encodings: a separate finding."""
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    parameters, algorithm = certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e.bit_length() > _LONGEST_EXPONENT_BITS:
        raise UnsupportedAlgorithm("the key has a public exponent that nobody uses")
    if isinstance(key, rsa.RSAPublicKey) and isinstance(parameters, padding.AsymmetricPadding) and algorithm:
        key.verify(signature, signed, parameters, algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(parameters, ec.ECDSA):
        key.verify(signature, signed, parameters)
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(signature, signed)
    else:
        raise UnsupportedAlgorithm("the key is of another kind than the signature")


def signature_hash(certificate: x509.Certificate) -> hashes.HashAlgorithm | None:
    """The hash of the signature; None if the algorithm has no separate hash, or its parameters cannot be read."""
    try:
        return certificate.signature_hash_algorithm
    except UNREADABLE:
        return None


def signature_can_be_read(certificate: x509.Certificate) -> bool:
    """Whether the signature's algorithm and parameters are known. If not, the signature cannot be verified."""
    try:
        _ = certificate.signature_algorithm_parameters
    except UNREADABLE:
        return False
    return True


@lru_cache(maxsize=256)
def is_self_issued(certificate: x509.Certificate) -> bool:
    """Whether subject and issuer are the same name (RFC 5280 section 6.1)."""
    return comparable(certificate.subject) == comparable(certificate.issuer)


@lru_cache(maxsize=256)
def is_link_to(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    """Whether a certificate has the root's name and key but was issued by another CA."""
    return (
        certificate != root
        and comparable(certificate.subject) == comparable(root.subject)
        and certificate.public_key() == root.public_key()
        and not is_issued_by(certificate, certificate)
    )
