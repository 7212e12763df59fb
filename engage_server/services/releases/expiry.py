"""Until when certificates are valid, and by when their rotation has to begin. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.pki.chain import Chain
from engage_server.pki.paths.path import read_chain
from engage_server.services.distribution.snapshot import EMPTY, Snapshot
from engage_server.services.evidence.pace import Pace

MARGIN = timedelta(days=14)  # for people: to hear of it, to find the authority's keys, to look after the last device
SOON = timedelta(days=30)
# how often all devices have to come by until the last one is safe: with a new root twice, once for the transition
_ROUNDS = {"root": 2}


@dataclass(frozen=True, slots=True)
class Expiry:
    """One certificate's end.

    Attributes:
        site: Whose current release it is in.
        role: ``server``, ``intermediate`` (``intermediate 2`` and so on, where there are several), ``root`` or
            ``link``.
        not_after: Aware, UTC.
    """

    site: str
    role: str
    not_after: datetime

    def days_left(self, now: datetime) -> float:
        """Days until then; negative afterwards."""
        return (self.not_after - now).total_seconds() / 86400

    def last_safe_start(self, pace: Pace) -> datetime:
        """When its rotation has to begin at the latest: so that all devices have come by before it ends."""
        return self.not_after - MARGIN - pace.time * _ROUNDS.get(self.role, 1)


class ServedExpiries:
    """Of every certificate of every current release, parsed once for each snapshot: a snapshot never changes."""

    def __init__(self) -> None:
        self._known: tuple[Snapshot, tuple[Expiry, ...]] = EMPTY, ()

    def of(self, snapshot: Snapshot) -> tuple[Expiry, ...]:
        """Those of this snapshot. Asked by several threads, it is at worst made twice."""
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
    """Of every certificate of a chain."""
    yield Expiry(site, "server", chain.server.not_valid_after_utc)
    for place, intermediate in enumerate(chain.intermediates, 1):
        role = "intermediate" if place == 1 else f"intermediate {place}"
        yield Expiry(site, role, intermediate.not_valid_after_utc)
    yield Expiry(site, "root", chain.root.not_valid_after_utc)
    for link in chain.links:
        yield Expiry(site, "link", link.not_valid_after_utc)
