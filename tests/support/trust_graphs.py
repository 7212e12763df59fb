"""CAs that certify each other, as graphs: after figures 7 and 8 of RFC 4158, with edges that may be spoilt.

An edge from A to B is a certificate in which A vouches for B's name and key.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support import respelling
from tests.support.chains import NOW, key
from tests.support.defects import DAY, Draft, cn

Edge = tuple[str, str]
SERVER = "EE"

_CA_USAGES = frozenset({"key_cert_sign"})


def _both(left: str, right: str) -> tuple[Edge, Edge]:
    return (left, right), (right, left)


GRAPHS: Mapping[str, tuple[Edge, ...]] = {
    "a line": (("T", "I"), ("I", SERVER)),
    "two roots": (("T", "I"), ("U", "I"), ("I", SERVER)),
    "figure 7": (("T", "A"), ("T", "C"), *_both("A", "C"), ("A", "B"), ("C", "B"), ("B", SERVER)),
    "a bridge": (
        *(edge for root in "TXYZ" for edge in _both(root, "Bridge")),
        *(("T", "F"), ("T", "G"), *_both("F", "G"), ("Y", "A"), ("Y", "C"), *_both("A", "C")),
        *(("X", "L"), ("L", "N"), ("A", "N"), ("N", SERVER)),
    ),
}

Spoil = Callable[[Draft], None]


def _expired(draft: Draft) -> None:
    draft.since, draft.until = NOW - 900 * DAY, NOW - timedelta(seconds=1)


def _constrained(draft: Draft) -> None:
    draft.more = [(x509.NameConstraints([x509.DNSName("bad.example.com")], None), True)]


def _for_mail(draft: Draft) -> None:
    draft.extended = (ExtendedKeyUsageOID.EMAIL_PROTECTION,)


def _without_constraints(draft: Draft) -> None:
    draft.constraints = False


def _no_ca(draft: Draft) -> None:
    draft.ca = False


def _of_sha1(draft: Draft) -> None:
    draft.respell = respelling.sha1


SPOILS: Mapping[str, Spoil] = {
    "expired": _expired,
    "name constraints": _constrained,
    "for e-mail": _for_mail,
    "no basic constraints": _without_constraints,
    "no CA": _no_ca,
    "SHA-1": _of_sha1,
}


@dataclass(frozen=True)
class TrustGraph:
    """A graph, made into certificates.

    Attributes:
        certificates: By edge.
        root: The self-signed certificate of the one that is trusted.
    """

    certificates: Mapping[Edge, x509.Certificate]
    root: x509.Certificate

    @property
    def sent(self) -> tuple[x509.Certificate, ...]:
        """The server certificate, and then whatever there is."""
        ends = [each for edge, each in self.certificates.items() if edge[1] == SERVER]
        return (*ends, *(each for edge, each in self.certificates.items() if edge[1] != SERVER))


def made(edges: tuple[Edge, ...], trusted: str, spoilt: frozenset[Edge], spoil: str) -> TrustGraph:
    """The certificates of a graph.

    Args:
        edges: All of them.
        trusted: Whose root is the anchor.
        spoilt: The edges whose certificates no client takes.
        spoil: Why it does not.
    """
    names = sorted({name for edge in edges for name in edge})
    drafts = {name: _draft(name, number) for number, name in enumerate(names)}
    certificates = {edge: _issued(drafts, edge, spoil if edge in spoilt else "") for edge in edges}
    return TrustGraph(certificates, _root(trusted, names.index(trusted)))


def leads(edges: tuple[Edge, ...], trusted: str, spoilt: frozenset[Edge]) -> bool:
    """Whether a way leads from the trusted one to the server over edges that are not spoilt."""
    return SERVER in _reached(edges, trusted, spoilt)


def _reached(edges: tuple[Edge, ...], trusted: str, spoilt: frozenset[Edge]) -> set[str]:
    reached, before = {trusted}, set[str]()
    while reached != before:
        before = set(reached)
        reached |= {edge[1] for edge in edges if edge[0] in before and edge not in spoilt}
    return reached


def _draft(name: str, number: int) -> Draft:
    if name == SERVER:
        usages = frozenset({"digital_signature"})
        san = (x509.DNSName("localhost"),)
        return Draft(cn(name), key(number), NOW + 400 * DAY, False, usages=usages, san=san)
    return Draft(cn(name), key(number), NOW + 900 * DAY, True, usages=_CA_USAGES)


@cache
def _root(name: str, number: int) -> x509.Certificate:
    return replace(_draft(name, number), authority_identifier=None).self_signed()


def _issued(drafts: Mapping[str, Draft], edge: Edge, spoil: str) -> x509.Certificate:
    return _cached(edge, spoil, tuple(sorted(drafts)))


@cache
def _cached(edge: Edge, spoil: str, names: tuple[str, ...]) -> x509.Certificate:
    issuer, draft = (_draft(name, names.index(name)) for name in edge)
    if spoil:
        SPOILS[spoil](draft)
    return draft.signed_by(issuer)


def edges_that_matter(name: str) -> Iterator[Edge]:
    """Those of a graph but the server's own: a spoilt server certificate is of no interest here."""
    return (edge for edge in GRAPHS[name] if edge[1] != SERVER)


__all__ = ["GRAPHS", "SERVER", "SPOILS", "TrustGraph", "edges_that_matter", "leads", "made"]
