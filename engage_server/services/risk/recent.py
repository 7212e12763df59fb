"""Keeps the answers for large sites for a while, so that pages and other systems never wait for them.

A site with a million doors takes seconds to judge. The operators' instance judges every site once a minute for the
metrics, or less often if that takes long. What took long then is kept until the next time. What was quick is judged
again each time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol

from engage_server.services.risk.known import SiteTonight, worst_first

LONG_SECONDS = 0.2  # an answer that took longer is kept
KEPT_SECONDS = 120.0  # at least; longer than the pause of the metrics, which renew it
SHARE = 20  # judging takes at most one part in so many of a processor's time


class Judging(Protocol):
    """Judges sites: see :class:`engage_server.services.risk.tonight.Tonight`."""

    def names(self) -> list[str]:
        """The names of all sites."""

    def generation(self) -> int:
        """Grows with each change of what is served."""

    def look_at(self, site: str, now: datetime) -> SiteTonight:
        """Judge one site."""


@dataclass(frozen=True, slots=True)
class _Kept:
    found: SiteTonight
    generation: int
    until: float


class RecentTonight:
    """Says who is at risk tonight, for large sites as it was some minutes ago. For several threads.

    Args:
        tonight: Judges.
        stopwatch: Seconds by a clock that is never set.
    """

    def __init__(self, tonight: Judging, stopwatch: Callable[[], float]) -> None:
        self._tonight = tonight
        self._stopwatch = stopwatch
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, Lock] = {}

    def look(
        self, now: datetime, wanted: Callable[[str], bool] = lambda site: True, *, renew: bool = False
    ) -> list[SiteTonight]:
        """All sites that are wanted: the worst first, then by name.

        Args:
            now: The time, timezone-aware.
            wanted: Whether a site is looked at, by its name.
            renew: Whether to judge all of them now.
        """
        return worst_first(self.look_at(name, now, renew=renew) for name in self._tonight.names() if wanted(name))

    def look_at(self, site: str, now: datetime, *, renew: bool = False) -> SiteTonight:
        """One site. If several ask for it at once, it is judged once.

        Raises:
            NotFound: There is no such site.
        """
        kept = None if renew else self._usable(site, now)
        if kept is not None:
            return kept
        with self._locks.setdefault(site, Lock()):
            kept = None if renew else self._usable(site, now)  # another one has judged it meanwhile
            return kept or self._judged(site, now)

    def _usable(self, site: str, now: datetime) -> SiteTonight | None:
        kept = self._kept.get(site)
        if kept is None or self._stopwatch() > kept.until or not kept.found.looked_at <= now < kept.found.until:
            return None
        return kept.found if kept.generation == self._tonight.generation() else None

    def _judged(self, site: str, now: datetime) -> SiteTonight:
        generation, begun = self._tonight.generation(), self._stopwatch()
        found = self._tonight.look_at(site, now)
        ended = self._stopwatch()
        self._kept.pop(site, None)
        if ended - begun > LONG_SECONDS:
            kept_for = max(KEPT_SECONDS, 2 * SHARE * (ended - begun))
            self._kept[site] = _Kept(found, generation, ended + kept_for)
        return found
