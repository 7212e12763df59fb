"""Which anchors one door may hold, and how it would take what is served and what comes next.

It follows from the two facts that :mod:`engage_server.services.releases.possible_anchors` explains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from engage_server.pki.encodings import read_der
from engage_server.records import DeviceHistory, Release, ReleaseState
from engage_server.services.evidence.diagnosis import fetches_nothing
from engage_server.services.releases.possible_anchors import JudgeFor, PossibleAnchors
from engage_server.store.interface import AnchorClue, ReleaseStore, RotationStore, SiteStore


class HeldStore(SiteStore, ReleaseStore, RotationStore, Protocol):
    """The part of the store that this needs."""


class Takes(StrEnum):
    """How a door would take the chain of a release."""

    ACCEPTS = "accepts"
    MAY_REFUSE = "may refuse"
    REFUSES = "refuses"
    REFUSES_FOR_GOOD = "refuses for good"  # with the anchor of the release, too
    NOT_KNOWN = "not known"

    @property
    def words(self) -> str:
        """As a sentence for people."""
        return _WORDS[self]


_WORDS = {
    Takes.ACCEPTS: "it accepts the chain",
    Takes.MAY_REFUSE: "it may refuse the chain: that depends on which anchor it holds",
    Takes.REFUSES: "it refuses the chain. It fails TLS once, fetches the anchor by itself, and comes back",
    Takes.REFUSES_FOR_GOOD: "it refuses the chain, and would with its anchor, too. It does not come back while that is "
    "served",
    Takes.NOT_KNOWN: "it never came through by TLS here, so nobody knows",
}
_STUCK = "it refuses the chain. It failed TLS before and did not fetch the anchor: port 80 is probably closed to it"


@dataclass(frozen=True, slots=True)
class PossibleAnchor:
    """An anchor that a door may hold.

    Attributes:
        subject: The name in the certificate.
        releases: The releases of the site that have it.
        not_after: When it ends, aware, UTC.
    """

    subject: str
    releases: tuple[int, ...]
    not_after: datetime


@dataclass(frozen=True, slots=True)
class HeldByDoor:
    """What one door may hold.

    Attributes:
        anchors: All anchors that are possible: exactly one if it is certain. Empty if nothing is known.
        accepted: The release whose chain it accepted last. 0 for none.
        served: The release that is served. 0 for none.
        takes_served: How it would take that.
        following: The release that the open rotation serves next. 0 for none.
        takes_following: How it would take that.
        is_stuck: Whether it refused TLS again and again, and fetched nothing.
    """

    anchors: tuple[PossibleAnchor, ...]
    accepted: int
    served: int = 0
    takes_served: Takes = Takes.NOT_KNOWN
    following: int = 0
    takes_following: Takes = Takes.NOT_KNOWN
    is_stuck: bool = False

    def words(self, takes: Takes) -> str:
        """How it takes a chain, as a sentence for people."""
        return _STUCK if takes is Takes.REFUSES and self.is_stuck else takes.words


def held_by_door(
    store: HeldStore, judge_for: JudgeFor, site: str, history: DeviceHistory | None, now: datetime
) -> HeldByDoor:
    """Work out what one door holds.

    Args:
        store: Holds the releases.
        judge_for: Gives the judge of chains.
        site: The site's name.
        history: What is known of the door. None if it was never seen.
        now: The time, timezone-aware.

    Raises:
        NotFound: There is no such site.
    """
    releases = store.releases(site)
    possible = PossibleAnchors(store.site(site), releases, judge_for)
    clue = _clue(history)
    served = next((each for each in releases if each.state is ReleaseState.CURRENT), None)
    following = _following(store, site, releases)
    return HeldByDoor(
        anchors=_anchors(possible.possible(clue), releases),
        accepted=clue.finished_release,
        served=served.number if served else 0,
        takes_served=_takes(possible, clue, served, now),
        following=following.number if following else 0,
        takes_following=_takes(possible, clue, following, now),
        is_stuck=history is not None and fetches_nothing(history),
    )


def _clue(history: DeviceHistory | None) -> AnchorClue:
    if history is None:
        return AnchorClue(0, 0, False, False, 1)
    return AnchorClue(history.fetched_release, history.finished_release, history.certificates > 0, False, 1)


def _following(store: HeldStore, site: str, releases: Sequence[Release]) -> Release | None:
    for rotation in store.rotations(site, only_open=True):
        if rotation.step < len(rotation.releases):
            wanted = rotation.releases[rotation.step]
            return next((each for each in releases if each.number == wanted), None)
    return None


def _anchors(found: frozenset[bytes], releases: Sequence[Release]) -> tuple[PossibleAnchor, ...]:
    anchors = []
    for der in found:
        certificate = read_der(der, source="an anchor")
        having = tuple(sorted(each.number for each in releases if each.anchor_der == der))
        anchors.append(PossibleAnchor(certificate.subject.rfc4514_string(), having, certificate.not_valid_after_utc))
    return tuple(sorted(anchors, key=lambda each: each.releases))


def _takes(possible: PossibleAnchors, clue: AnchorClue, release: Release | None, now: datetime) -> Takes:
    if release is None or not possible.possible(clue):
        return Takes.NOT_KNOWN
    if possible.refuses(clue, release, now, by=all):
        return Takes.REFUSES_FOR_GOOD if possible.refuses_with_its_own(release, now) else Takes.REFUSES
    return Takes.MAY_REFUSE if possible.refuses(clue, release, now, by=any) else Takes.ACCEPTS
