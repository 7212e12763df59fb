"""Fills the demonstration: every act, night and look of its story in the order of time, until now."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from engage_server.composition.creation import create_installation
from engage_server.composition.operator_side import OperatorSide
from engage_server.demo import sites
from engage_server.demo.calendar import SiteCalendar
from engage_server.demo.doors import Door, doors_of
from engage_server.demo.front import Front
from engage_server.demo.nights import SiteNights
from engage_server.demo.people import MAKER
from engage_server.demo.site_acts import SiteActs, cut_nights, path_events
from engage_server.demo.sites import DemoSite
from engage_server.demo.size import DemoSize
from engage_server.demo.story import Story
from engage_server.demo.throwaway import make_folder_and_settings
from engage_server.records import Occasion
from engage_server.records.telling import Tell
from engage_server.settings import Settings

_SERVERS = "the servers themselves"
_TOLD_EVERY = 10  # nights


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What was made.

    Attributes:
        settings: Its settings.
        side: Its services. Close them.
        doors: Of each site, by its name.
    """

    settings: Settings
    side: OperatorSide
    doors: dict[str, list[Door]]


def fill(folder: Path, size: DemoSize, now: datetime, tell: Tell) -> Demonstration:
    """Make the demonstration. For the same time, its doors do the same; keys and secrets are always new.

    Args:
        folder: A new or empty folder; absolute.
        size: How large.
        now: When its history ends. Aware.
        tell: Called with each thing that was done.

    Raises:
        Conflict: The folder is not empty, or lies in an installation. Nothing was made.
        NotPossible: A file cannot be written.
    """
    settings = make_folder_and_settings(folder)
    side = create_installation(settings, {}, MAKER)
    front = Front(settings, side, now)
    try:
        doors = _doors(size)
        with closing(front):
            _Nights(side, front, settings, doors, size, now, tell).run()
    except BaseException:
        side.close()
        raise
    return Demonstration(settings, side, doors)


def _doors(size: DemoSize) -> dict[str, list[Door]]:
    counts = (size.at_campus, size.at_clinic, size.at_depot)
    return {
        site.name: doors_of(site.name, number, site.buildings, count, size.nights, with_trouble=site is sites.CAMPUS)
        for number, (site, count) in enumerate(zip(sites.ALL, counts, strict=True))
    }


class _Nights:
    """One run over all nights."""

    def __init__(
        self,
        side: OperatorSide,
        front: Front,
        settings: Settings,
        doors: dict[str, list[Door]],
        size: DemoSize,
        now: datetime,
        tell: Tell,
    ) -> None:
        self._side, self._front, self._doors, self._size, self._now, self._tell = side, front, doors, size, now, tell
        self._calendars = {each.name: SiteCalendar.until(now, each.time_zone, size.nights) for each in sites.ALL}
        acts = SiteActs(side, front, settings, size.nights)
        self._story = Story(side, acts, self._calendars, doors, size.nights)
        self._lives: dict[str, SiteNights] = {}

    def run(self) -> None:
        """Everything in the order of time. What would lie after now is left out."""
        path = path_events(self._side, self._calendars[sites.DEPOT.name], self._size.nights)
        events = [*self._story.all(), *path, *self._nights_and_looks()]
        for at, act in sorted(events, key=lambda event: event[0]):
            if at <= self._now:
                act(at)
        for site in sites.ALL:
            self._look(site, self._now)

    def _nights_and_looks(self) -> Iterator[tuple[datetime, Callable[[datetime], None]]]:
        for site in sites.ALL:
            calendar = self._calendars[site.name]
            for night in range(self._size.nights):
                yield calendar.at(night, 4, 15), partial(self._live, site, night)
                yield calendar.at(night, 8), partial(self._look, site)

    def _live(self, site: DemoSite, night: int, _over: datetime) -> None:
        """One night, once it is over: until then nobody does anything at the site."""
        if site.name not in self._lives:
            key = self._side.sites.key(site.name)
            doors = self._doors[site.name]
            cut = cut_nights(self._size.nights) if site is sites.DEPOT else frozenset[int]()
            self._lives[site.name] = SiteNights(self._front, doors, site.host, key, self._size.nights, cut)
        self._lives[site.name].live(night, self._calendars[site.name].at(night, 0))
        if site is sites.CAMPUS and (night + 1) % _TOLD_EVERY == 0:
            self._tell(f"night {night + 1} of {self._size.nights}")

    def _look(self, site: DemoSite, at: datetime) -> None:
        """What the operators' instance does by itself: store what was seen, and let the gate look."""
        self._front.store_sightings(at)
        self._side.rotations.go_on(site.name, Occasion(_SERVERS, at))
