"""A chain of certificates in the order in which it is validated."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from engage_server.errors import CertificateInvalid
from engage_server.pki.names import display_name
from engage_server.records import AnchorRole

_NOT_ISSUED = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm)


@dataclass(frozen=True, slots=True)
class Chain:
    """Root, intermediate(s), server certificate.

    The order says who claims to have issued whom; it does **not** say that a signature or a date is right. The
    checks do that.

    Attributes:
        root: Self-issued. Not sent by a TLS server, but counted by devices.
        intermediates: From the one next to the server certificate up to the one next to the root. May be empty.
        server: The TLS server's certificate.
    """

    root: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    server: x509.Certificate

    @property
    def sent(self) -> tuple[x509.Certificate, ...]:
        """What a TLS server sends: the server certificate, then the intermediates (RFC 5246 section 7.4.2)."""
        return (self.server, *self.intermediates)

    def __iter__(self) -> Iterator[x509.Certificate]:
        """From the root down to the server certificate."""
        yield self.root
        yield from reversed(self.intermediates)
        yield self.server

    def role_of(self, certificate: x509.Certificate) -> str:
        """``root``, ``intermediate`` or ``server``."""
        if certificate == self.root:
            return "root"
        return "server" if certificate == self.server else "intermediate"

    def anchor(self, role: AnchorRole) -> x509.Certificate:
        """The certificate that devices are given: the root, or the intermediate next to it.

        Raises:
            CertificateInvalid: The intermediate is asked for and there is none.
        """
        if role is AnchorRole.ROOT:
            return self.root
        if not self.intermediates:
            raise CertificateInvalid(
                "the chain has no intermediate that could be the trust anchor",
                "Use the root as the site's anchor, or a chain with an intermediate.",
            )
        return self.intermediates[-1]


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether name and signature say so. Dates, constraints and usages are not looked at."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except _NOT_ISSUED:  # a key or signature that can not be used proves nothing either
        return False
    return True


def is_self_issued(certificate: x509.Certificate) -> bool:
    """Whether subject and issuer are the same name (RFC 5280 section 6.1)."""
    return certificate.subject == certificate.issuer


def arrange(certificates: Iterable[x509.Certificate]) -> Chain:
    """Put the certificates of one chain in order, whatever order they came in. Duplicates are dropped.

    Args:
        certificates: Exactly those of one chain.

    Raises:
        CertificateInvalid: No root, no server certificate, a gap, or certificates that belong to no chain.
    """
    pool = list(dict.fromkeys(certificates))
    roots = [certificate for certificate in pool if is_self_issued(certificate)]
    if not roots:
        raise CertificateInvalid("there is no root: no certificate is self-issued", "Add the root's certificate.")
    server = _server_of(pool)
    path = [server]
    while not is_self_issued(path[-1]):
        path.append(_issuer_of(path[-1], pool, path))
    _assert_nothing_left(pool, path)
    return Chain(path[-1], tuple(path[1:-1]), server)


def _server_of(pool: list[x509.Certificate]) -> x509.Certificate:
    """The one certificate that issued no other."""
    issuers = {certificate.issuer for certificate in pool if not is_self_issued(certificate)}
    leaves = [c for c in pool if c.subject not in issuers and not is_self_issued(c)]
    if len(leaves) == 1:
        return leaves[0]
    found = ", ".join(display_name(leaf.subject) for leaf in leaves) or "none"
    raise CertificateInvalid(
        f"there must be one server certificate that issued no other; found: {found}",
        "Give the certificates of one chain and no more.",
    )


def _issuer_of(
    certificate: x509.Certificate, pool: list[x509.Certificate], path: list[x509.Certificate]
) -> x509.Certificate:
    found = [other for other in pool if other.subject == certificate.issuer and other not in path]
    if not found:
        raise CertificateInvalid(
            f"the issuer of {display_name(certificate.subject)} is missing: {display_name(certificate.issuer)}",
            "Add that certificate.",
        )
    # of several with one name take the right one; the checks say what is wrong with the rest
    return max(found, key=lambda other: is_issued_by(certificate, other))


def _assert_nothing_left(pool: list[x509.Certificate], path: list[x509.Certificate]) -> None:
    left = [certificate for certificate in pool if certificate not in path]
    if left:
        raise CertificateInvalid(
            "not part of the chain: " + ", ".join(display_name(c.subject) for c in left),
            "Give the certificates of one chain and no more.",
        )
