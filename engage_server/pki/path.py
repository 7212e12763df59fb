"""The path among certificates of unknown order and completeness."""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509

from engage_server.errors import CertificateInvalid
from engage_server.pki.chain import Chain, is_issued_by, is_link_to, is_self_issued
from engage_server.pki.names import comparable, display_name


@dataclass(frozen=True, slots=True)
class FoundPath:
    """What :func:`find_path` made of a heap of certificates.

    Attributes:
        path: From the server certificate up to the root, or to where the issuer is missing. Empty when there is no
            certificate at all.
        unrelated: Certificates that are not in the path, in the order in which they came.
        links: Of the others, those in which another CA vouches for the path's root.
    """

    path: tuple[x509.Certificate, ...]
    unrelated: tuple[x509.Certificate, ...]
    links: tuple[x509.Certificate, ...] = ()


def find_path(certificates: Iterable[x509.Certificate]) -> FoundPath:
    """The path of the server certificate, as far as issuers are there. Never raises.

    1. Ends are certificates that issued no other, or are no CA. Where there is none, each one is tried.
    2. From each end up: of several issuers with one name the one that signed, and of those a root, which ends the path.
    3. The best of these paths: whose end is no CA and issued no other, or at least one of the two; then the longest;
       then one whose end is no root; then the one whose end came first.
    4. Of the others, links are those in which another CA vouches for the path's root. The rest is unrelated.

    Args:
        certificates: In any order, with any gaps, repetitions and strangers.
    """
    pool = list(dict.fromkeys(certificates))
    issuers = {comparable(certificate.issuer) for certificate in pool if not is_issued_by(certificate, certificate)}
    ends = [each for each in pool if comparable(each.subject) not in issuers or not _is_ca(each)] or pool  # 1
    paths = [_upwards(end, pool) for end in ends]  # 2

    def looks_like_a_servers(path: tuple[x509.Certificate, ...]) -> tuple[int, int, bool]:
        end = path[0]
        issued_none = comparable(end.subject) not in issuers
        return _is_end_entity(end) + issued_none, len(path), not is_self_issued(end)

    path = max(paths, key=looks_like_a_servers, default=())  # 3
    others = [certificate for certificate in pool if certificate not in path]
    root = path[-1] if path and is_issued_by(path[-1], path[-1]) else None
    links = tuple(each for each in others if root is not None and is_link_to(each, root))  # 4
    return FoundPath(path, tuple(each for each in others if each not in links), links)


def arrange(certificates: Iterable[x509.Certificate]) -> Chain:
    """Put the certificates of one chain in order, whatever order they came in. Duplicates are dropped.

    Args:
        certificates: Exactly those of one chain.

    Raises:
        CertificateInvalid: No root, no server certificate, a gap, or certificates that belong to no chain.
    """
    found = find_path(certificates)
    if len(found.path) < 2 and not found.unrelated:
        raise CertificateInvalid("there is no chain: a root and a server certificate, at least", "Add the others.")
    top = found.path[-1]
    if not is_self_issued(top):
        raise CertificateInvalid(
            f"the issuer of {display_name(top.subject)} is missing: {display_name(top.issuer)}",
            "Add that certificate.",
        )
    if found.unrelated:
        raise CertificateInvalid(
            "not part of the chain: " + ", ".join(display_name(each.subject) for each in found.unrelated),
            "Give the certificates of one chain and no more.",
        )
    return Chain(top, found.path[1:-1], found.path[0], found.links)


def read_chain(ders: Iterable[bytes]) -> Chain:
    """The certificates of one chain that is known to be whole, as DER in any order.

    Raises:
        CertificateInvalid: As :func:`arrange`.
        ValueError: One is no certificate.
    """
    return arrange(x509.load_der_x509_certificate(der) for der in ders)


def _upwards(end: x509.Certificate, pool: list[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    path = [end]
    while not is_issued_by(path[-1], path[-1]):
        wanted = comparable(path[-1].issuer)
        found = [other for other in pool if comparable(other.subject) == wanted and other not in path]
        signers = [other for other in found if is_issued_by(path[-1], other)]
        signers.sort(key=lambda other: not is_issued_by(other, other))
        # self-issued and signed by another: a link certificate if that one is here, else a root that is broken
        if not found or (is_self_issued(path[-1]) and not signers):
            break
        path.append((signers or found)[0])
    return tuple(path)


def _is_end_entity(certificate: x509.Certificate) -> bool:
    return not _is_ca(certificate) and not is_issued_by(certificate, certificate)


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
