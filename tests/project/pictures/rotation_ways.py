"""The ways of a rotation: which certificates each one exchanges, and what a door with the old anchor sees.

Both are worked out: the ways are tried on a real chain, and OpenSSL judges as a device would.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from engage_server.lock.acceptance.judge import DeviceJudge
from engage_server.lock.limits import DeviceLimits
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.authority import BuiltChain
from engage_server.pki.issuing.succession import AuthorityKeys, needed_key, succeed
from engage_server.records import AnchorRole, Host, RotationWay
from engage_server.services.rotation.planning.proof import ProvenChain, prove
from tests.project.pictures.drawing import Picture

_ROLES = ("root", "intermediate", "server")
_WIDTHS = {"root": 54, "intermediate": 100, "server": 64, "link": 54}
_ROW = 90
_RIGHT = 340
_KINDS = {"nothing": "green", "new anchor": "ink", "failure": "red"}

# what a door with the old anchor sees of each chain in turn, and what it comes to
_SEEN = {
    ("nothing",): ("notices nothing",),
    ("new anchor",): ("goes on until the old root ends;", "if it asks, it gets the new one"),
    ("new anchor", "failure"): ("1. goes on, over the link", "2. without it: fails once, as below"),
    ("failure",): ("fails TLS once, fetches the new", "anchor by itself, and comes back"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way, tried.

    Attributes:
        way: Which.
        needs: Whose private key: ``root``, ``intermediate``, or "" for none.
        exchanged: Which of root, intermediate and server are other certificates at its end.
        is_linked: Whether a link certificate is served for a while.
        notices: For each chain in turn, what a door with the old anchor sees: ``nothing``, ``new anchor`` (it goes on,
            and another anchor is handed out) or ``failure``.
    """

    way: RotationWay
    needs: str
    exchanged: tuple[str, ...]
    is_linked: bool
    notices: tuple[str, ...]


def tried_ways(built: BuiltChain, hosts: tuple[Host, ...], now: datetime) -> Iterator[Way]:
    """Try each way on a chain whose keys are at hand."""
    authority, before = AuthorityKeys(built.root_key, built.intermediate_key), built.chain
    judge = DeviceJudge(DeviceLimits(), accepts_partial_chain=False)
    for way in RotationWay:
        chains = succeed(way, before, authority, hosts, now)
        proven = [prove(each.title, each.chain, before, AnchorRole.ROOT, hosts, now, judge) for each in chains]
        yield Way(
            way,
            needed_key(way, before),
            tuple(_exchanged(before, chains[-1].chain)),
            bool(chains[0].chain.links),
            tuple(_seen(each) for each in proven),
        )


def _exchanged(before: Chain, after: Chain) -> Iterator[str]:
    for role, old, new in zip(_ROLES, _certificates(before), _certificates(after), strict=True):
        if old != new:
            yield role


def _certificates(chain: Chain) -> tuple[x509.Certificate, ...]:
    return (chain.root, *chain.intermediates, chain.server)


def _seen(proven: ProvenChain) -> str:
    if proven.old_refuses:
        return "failure"
    return "new anchor" if proven.changes_anchor else "nothing"


def rotation_ways(built: BuiltChain, hosts: tuple[Host, ...], now: datetime) -> Picture:
    """A row for each way, from the one that nobody notices to the boldest."""
    ways = list(tried_ways(built, hosts, now))
    told = "; ".join(f"{each.way}: new {', '.join(each.exchanged)}; a door {_in_words(each)}" for each in ways)
    picture = Picture(
        "rotation-ways",
        (620, 100 + _ROW * len(ways)),
        "The ways of a rotation, and what a door notices",
        f"From the safest way to the boldest. {told}.",
    )
    picture.words(24, 36, "What is exchanged", bold=True, size=16)
    picture.words(_RIGHT, 36, "A door with the old anchor", bold=True, size=16)
    for number, each in enumerate(ways):
        _row(picture, 58 + number * _ROW, each)
    _legend(picture, 58 + _ROW * len(ways) + 12)
    return picture


def _in_words(way: Way) -> str:
    return " ".join(_SEEN[way.notices])


def _row(picture: Picture, y: float, way: Way) -> None:
    picture.line((24, y), (596, y))
    picture.words(24, y + 27, str(way.way), bold=True, size=15, mono=True)
    x = 24
    for role in (*_ROLES, "link") if way.is_linked else _ROLES:
        kind = "amber" if role == "link" else "green" if role in way.exchanged else "plain"
        picture.box(x, y + 42, _WIDTHS[role], 32, kind, edge="dashed" if role == "link" else "")
        words = "soft" if kind == "plain" else kind
        picture.words(x + _WIDTHS[role] / 2, y + 63, role, words, size=14, at="middle")
        x += _WIDTHS[role] + 6
    picture.paragraph(_RIGHT, y + 27, list(_SEEN[way.notices]), _KINDS[way.notices[-1]], size=14)
    needs = f"you need the {way.needs}'s key" if way.needs else "you need no old key"
    picture.words(_RIGHT, y + 72, needs, "soft", size=14)


def _legend(picture: Picture, y: float) -> None:
    meanings = (
        (24, "green", "new"),
        (100, "plain", "kept"),
        (182, "amber", "for a while: the old root vouches for the new"),
    )
    for x, kind, text in meanings:
        picture.box(x, y, 14, 14, kind)
        picture.words(x + 22, y + 12, text, size=14)
