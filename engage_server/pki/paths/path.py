"""Finds the path among certificates in any order, complete or not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from cryptography import x509

from engage_server.errors import CertificateInvalid
from engage_server.pki.chain import Chain, is_issued_by, is_link_to, is_self_issued
from engage_server.pki.extensions import extension
from engage_server.pki.names import comparable, display_name
from engage_server.pki.paths.soundness import faults_as_issuer, faults_of
from engage_server.pki.raw_fields import raw_fields

# The most paths to compare, and the most steps to find them. CAs of the same name that certify each other allow more
# paths than anyone could try, and a device does not try them either.
_MOST_PATHS, _MOST_STEPS = 64, 1024


@dataclass(frozen=True, slots=True)
class FoundPath:
    """The result of :func:`find_path`.

    Attributes:
        path: From the server certificate up to the root, or until an issuer is missing. Empty if there is no
            certificate at all.
        unrelated: Certificates that belong to none of the other fields, in the given order.
        links: Certificates outside the path in which another CA vouches for the root of the path.
        other_roots: Roots outside the path that a link connects to it. Such a root signed the link. If the path itself
            goes through the link, the root has the same key as the link.
    """

    path: tuple[x509.Certificate, ...]
    unrelated: tuple[x509.Certificate, ...]
    links: tuple[x509.Certificate, ...] = ()
    other_roots: tuple[x509.Certificate, ...] = ()


def find_path(
    certificates: Iterable[x509.Certificate], *, anchor: x509.Certificate | None = None, now: datetime | None = None
) -> FoundPath:
    """Find the path of the server certificate, as far up as issuers are available. Never raises.

    1. An end is a certificate that issued no other or is not a CA. If there is none, every certificate is tried.
    2. All ways up from each end are compared. CAs are renewed and cross-signed, so the first issuer found may be an
       expired one. Criteria, in this order: contains the anchor, ends at a root, has the fewest faults, is the
       shortest, was given first.
    3. The best end is chosen. The first criterion: it is not a CA, and it issued no other. One of the two counts half.
       Then, in this order: has the longest path, is not a root, was given first.
    4. Links are other certificates in which another CA vouches for the root of the path. The root at the other end of
       a link belongs to it. All other certificates are unrelated.

    Args:
        certificates: In any order; some may be missing, repeated or unrelated.
        anchor: The certificate that devices trust, if known.
        now: Timezone-aware. Without it, dates are ignored.
    """
    pool = list(dict.fromkeys(certificates))
    issuers = {comparable(certificate.issuer) for certificate in pool if not is_issued_by(certificate, certificate)}
    ends = [each for each in pool if comparable(each.subject) not in issuers or not _is_ca(each)] or pool  # 1
    paths = [_best_way(end, pool, anchor, now) for end in ends]  # 2

    def looks_like_a_servers(path: tuple[x509.Certificate, ...]) -> tuple[int, int, bool]:
        end = path[0]
        issued_none = comparable(end.subject) not in issuers
        return _is_end_entity(end) + issued_none, len(path), not is_self_issued(end)

    path = max(paths, key=looks_like_a_servers, default=())  # 3
    others = [certificate for certificate in pool if certificate not in path]
    root = path[-1] if path and is_issued_by(path[-1], path[-1]) else None
    links = tuple(each for each in others if root is not None and is_link_to(each, root))  # 4
    roots = tuple(each for each in others if is_issued_by(each, each) and _is_joined(each, path, links))
    unrelated = tuple(each for each in others if each not in links and each not in roots)
    return FoundPath(path, unrelated, links, roots)


def _is_joined(root: x509.Certificate, path: tuple[x509.Certificate, ...], links: tuple[x509.Certificate, ...]) -> bool:
    """Whether a link connects this root to the path."""
    return any(is_link_to(one, root) for one in path) or any(is_issued_by(link, root) for link in links)


def leads_to(certificate: x509.Certificate, pool: Iterable[x509.Certificate], anchor: x509.Certificate) -> bool:
    """Whether there is a way from a certificate up to the anchor.

    OpenSSL and GnuTLS use the first issuer that is sent, and do not backtrack from a dead end. Go and our search do.
    """
    others = list(dict.fromkeys((*pool, anchor)))
    begun, met = [certificate], {certificate}
    while begun:
        last = begun.pop()
        above = [each for each in others if each not in met and is_issued_by(last, each)]
        if last == anchor or anchor in above:
            return True
        met.update(above)
        begun += above
    return False


def arrange(certificates: Iterable[x509.Certificate]) -> Chain:
    """Put the certificates of one chain in order. Duplicates are dropped.

    Args:
        certificates: The certificates of one chain and no others, in any order.

    Raises:
        CertificateInvalid: Root, server certificate or an issuer is missing, or a certificate is not part of the chain.
    """
    found = find_path(certificates)
    if len(found.path) < 2 and not found.unrelated:
        raise CertificateInvalid("there is no chain, which needs at least a root and a server", "Add the others.")
    top = found.path[-1]
    if not is_self_issued(top):
        raise CertificateInvalid(
            f"the issuer of {display_name(top.subject)} is missing: {display_name(top.issuer)}",
            "Add that certificate.",
        )
    if found.unrelated:
        raise CertificateInvalid(
            "not part of the chain: " + ", ".join(display_name(each.subject) for each in found.unrelated),
            "Give only the certificates of one chain.",
        )
    return Chain(top, found.path[1:-1], found.path[0], found.links)


def read_chain(ders: Iterable[bytes]) -> Chain:
    """Read the certificates of one chain that is known to be complete, as DER in any order.

    Raises:
        CertificateInvalid: As :func:`arrange`.
        ValueError: One of them is not a certificate.
    """
    return arrange(x509.load_der_x509_certificate(der) for der in ders)


def _best_way(
    end: x509.Certificate, pool: list[x509.Certificate], anchor: x509.Certificate | None, now: datetime | None
) -> tuple[x509.Certificate, ...]:
    def goodness(way: tuple[x509.Certificate, ...]) -> tuple[bool, bool, int, int]:
        return anchor in way, is_issued_by(way[-1], way[-1]), -faults_of(way, now), -len(way)

    ways = list(islice(_ways_up(end, pool, now), _MOST_PATHS))
    return ways[0] if len(ways) == 1 else max(ways, key=goodness)


def _ways_up(
    end: x509.Certificate, pool: list[x509.Certificate], now: datetime | None
) -> Iterator[tuple[x509.Certificate, ...]]:
    """Yield every way from an end up to a root or a missing issuer. After too many steps, only finish those begun."""
    begun: list[tuple[x509.Certificate, ...]] = [(end,)]
    steps = 0
    while begun:
        way = begun.pop()
        steps += 1
        above = _issuers(way, pool, now)
        if steps > _MOST_STEPS:
            above = above[:1]
        if above:
            begun += [(*way, each) for each in reversed(above)]
        else:
            yield way


def _issuers(
    way: tuple[x509.Certificate, ...], pool: list[x509.Certificate], now: datetime | None
) -> list[x509.Certificate]:
    """Possible issuers of the last certificate: those that signed it, best first; else one with the right name."""
    last = way[-1]
    if is_issued_by(last, last):
        return []
    wanted = comparable(last.issuer)
    # a CA with this name and key that is already in the way would make a loop: RFC 4158 section 2.4.2
    met = {(comparable(each.subject), raw_fields(each).public_key) for each in way[1:]}
    namesakes = [each for each in pool if comparable(each.subject) == wanted and each not in way]
    found = [each for each in namesakes if (wanted, raw_fields(each).public_key) not in met]
    signers = [each for each in found if is_issued_by(last, each)]
    # self-issued but signed by another: a link certificate if the signer is here, else a broken root
    if not signers and is_self_issued(last):
        return []
    if len(signers) > 1:
        signers.sort(key=lambda each: (faults_as_issuer(each, now), not is_issued_by(each, each)))
    return signers or found[:1]


def _is_end_entity(certificate: x509.Certificate) -> bool:
    return not _is_ca(certificate) and not is_issued_by(certificate, certificate)


def _is_ca(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca
