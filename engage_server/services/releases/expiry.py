"""Until when certificates are valid, and the last safe day to start their rotation. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from engage_server.pki.chain import Chain
from engage_server.pki.paths.path import read_chain
from engage_server.services.distribution.snapshot import EMPTY, Snapshot
from engage_server.services.evidence.pace import Pace

MARGIN = timedelta(days=14)  # for people: to hear of it, to find the authority's keys, to fix the last device
SOON = timedelta(days=30)
Urgency = Literal["fine", "soon", "late", "expired"]
# how often all devices have to call until the last one is safe: twice for a new root, because of the transition
_ROUNDS = {"root": 2}


@dataclass(frozen=True, slots=True)
class Expiry:
    """The end of one certificate.

    Attributes:
        site: The site whose current release has this certificate.
        role: ``server``, ``intermediate`` (``intermediate 2`` and so on if there are several), ``root`` or ``link``.
        not_after: The end, timezone-aware, UTC.
    """

    site: str
    role: str
    not_after: datetime

    def days_left(self, now: datetime) -> float:
        """Days until then; negative afterwards."""
        return (self.not_after - now).total_seconds() / 86400

    def last_safe_start(self, pace: Pace) -> datetime:
        """The latest time to start its rotation, so that all devices have called before it ends."""
        return self.not_after - MARGIN - pace.time * _ROUNDS.get(self.role, 1)


def urgency_of(expiry: Expiry, pace: Pace, now: datetime) -> Urgency:
    """How soon its rotation has to start: ``soon`` within a month, ``late`` after the last safe day."""
    if expiry.not_after <= now:
        return "expired"
    last = expiry.last_safe_start(pace)
    if last <= now:
        return "late"
    return "soon" if last - SOON <= now else "fine"


class ServedExpiries:
    """The ends of all certificates of all current releases. Each snapshot is parsed once, as it never changes."""

    def __init__(self) -> None:
        self._known: tuple[Snapshot, tuple[Expiry, ...]] = EMPTY, ()

    def of(self, snapshot: Snapshot) -> tuple[Expiry, ...]:
        """The ends in this snapshot. Threads that ask at the same time at worst parse it twice."""
        before, found = self._known
        if before is not snapshot:
            found = tuple(
                expiry
                for release in snapshot.current.values()
                for expiry in expiries_of(read_chain((*release.chain, release.root)), release.site)
            )
            self._known = snapshot, found
        return found


def expiries_of(chain: Chain, site: str) -> Iterator[Expiry]:
    """The ends of all certificates of a chain."""
    yield Expiry(site, "server", chain.server.not_valid_after_utc)
    for place, intermediate in enumerate(chain.intermediates, 1):
        role = "intermediate" if place == 1 else f"intermediate {place}"
        yield Expiry(site, role, intermediate.not_valid_after_utc)
    yield Expiry(site, "root", chain.root.not_valid_after_utc)
    for link in chain.links:
        yield Expiry(site, "link", link.not_valid_after_utc)
