"""The path that can be found among certificates of unknown order and completeness. Never raises."""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509

from engage_server.pki.chain import is_issued_by, is_self_issued


@dataclass(frozen=True, slots=True)
class FoundPath:
    """What :func:`find_path` made of a heap of certificates.

    Attributes:
        path: From the server certificate up to the root, or to where the issuer is missing. Empty when there is no
            certificate at all.
        unrelated: Certificates that are not in the path, in the order in which they came.
    """

    path: tuple[x509.Certificate, ...]
    unrelated: tuple[x509.Certificate, ...]


def find_path(certificates: Iterable[x509.Certificate]) -> FoundPath:
    """Start at the certificate that issued no other, and go up as far as issuers are there.

    Of several that issued no other the longest path wins, then one that is no root, then the first that came; of
    several issuers with one name the one that signed.

    Args:
        certificates: In any order, with any gaps, repetitions and strangers.
    """
    pool = list(dict.fromkeys(certificates))
    issuers = {certificate.issuer for certificate in pool if not is_self_issued(certificate)}
    ends = [certificate for certificate in pool if certificate.subject not in issuers] or pool
    paths = [_upwards(end, pool) for end in ends]
    path = max(paths, key=lambda each: (len(each), not is_self_issued(each[0])), default=())
    unrelated = tuple(certificate for certificate in pool if certificate not in path)
    return FoundPath(path, unrelated)


def _upwards(end: x509.Certificate, pool: list[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    path = [end]
    while not is_self_issued(path[-1]):
        found = [other for other in pool if other.subject == path[-1].issuer and other not in path]
        if not found:
            break
        path.append(max(found, key=lambda other: is_issued_by(path[-1], other)))
    return tuple(path)
