"""Keeps the figures of large sites for a while: a page that is loaded again does not count a million doors again.

What was quick to count is counted each time. What took long is kept, until something that is served changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from engage_server.records import Occasion, Site
from engage_server.services.evidence.callers import HostCallers
from engage_server.services.installation.overview import Overview, SiteStatus
from engage_server.services.rotation.adoption_nights import AdoptionByNight, AdoptionNights

LONG_SECONDS = 0.2  # what took longer is kept
KEPT_SECONDS = 60.0  # at least
SHARE = 40  # counting takes at most one part in so many of the time


@dataclass(frozen=True, slots=True)
class SiteFigures:
    """What is known of one site.

    Attributes:
        status: Its status. Who looks at workers asks for them: they change every few seconds.
        adoption: How its doors came through, night by night. None if it serves nothing.
        callers: The doors that call each of its hosts.
        counted_at: When that was counted; aware.
    """

    status: SiteStatus
    adoption: AdoptionByNight | None
    callers: tuple[HostCallers, ...]
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    figures: SiteFigures
    generation: int
    until: float


class RecentSites:
    """The figures of sites: for large ones, as they were some minutes ago. For several threads.

    Args:
        overview: Counts.
        nights: Counts by night.
        callers: Counts who calls each host of a site at a time.
        generation: Grows with each change of what is served.
        stopwatch: Seconds by a clock that is never set.
    """

    def __init__(
        self,
        overview: Overview,
        nights: AdoptionNights,
        callers: Callable[[Site, datetime], Sequence[HostCallers]],
        generation: Callable[[], int],
        stopwatch: Callable[[], float],
    ) -> None:
        self._overview = overview
        self._nights = nights
        self._callers = callers
        self._generation = generation
        self._stopwatch = stopwatch
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, Lock] = {}

    def look_at(self, site: str, occasion: Occasion) -> SiteFigures:
        """Read the figures of one site. If several ask at once, they are counted once.

        Raises:
            NotFound: There is no such site.
        """
        kept = self._usable(site, occasion.now)
        if kept is not None:
            return kept
        with self._locks.setdefault(site, Lock()):
            return self._usable(site, occasion.now) or self._counted(site, occasion)

    def _usable(self, site: str, now: datetime) -> SiteFigures | None:
        kept = self._kept.get(site)
        if kept is None or self._stopwatch() > kept.until or now < kept.figures.counted_at:
            return None
        return kept.figures if kept.generation == self._generation() else None

    def _counted(self, site: str, occasion: Occasion) -> SiteFigures:
        generation, begun = self._generation(), self._stopwatch()
        status = self._overview.look_at(site, occasion)
        adoption = self._nights.of_site(site, occasion.now)
        callers = tuple(self._callers(status.site, occasion.now))
        figures = SiteFigures(status, adoption, callers, occasion.now)
        took = self._stopwatch() - begun
        self._kept.pop(site, None)
        if took > LONG_SECONDS:
            kept_for = max(KEPT_SECONDS, SHARE * took)
            self._kept[site] = _Kept(figures, generation, self._stopwatch() + kept_for)
        return figures
