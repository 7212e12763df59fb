"""When the doors of a site usually call: the shortest part of the day that holds nearly all calls. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

_SLOT_MINUTES = 15
_SLOTS = 24 * 60 // _SLOT_MINUTES
_MARGIN = 2  # slots on each side: a door that is late by half an hour still comes through
_NEARLY_ALL = 0.95
_LONGEST = 20 * 60 // _SLOT_MINUTES  # a longer window leaves no part of the day in which doors may be shut out
_ENOUGH = 5  # doors, for a measurement to mean anything


@dataclass(frozen=True, slots=True)
class CallWindow:
    """A part of the day.

    Attributes:
        begin, end: Minutes after midnight. The end may lie on the next day, and is then the smaller one. Both 0: the
            whole day.
        zone: The name of their time zone.
        doors: How many doors it was measured from. 0: it is what the vendor says.
    """

    begin: int
    end: int
    zone: str
    doors: int

    @property
    def in_words(self) -> str:
        """Such as ``from 00:00 to 04:30 (Europe/Berlin)``."""
        if self.begin == self.end:
            return f"all day ({self.zone})"
        return f"from {clock(self.begin)} to {clock(self.end)} ({self.zone})"

    @property
    def basis(self) -> str:
        """How it is known."""
        if not self.doors:
            return "stated by the vendor: too few doors have called yet to measure it"
        return f"measured: the last calls of {self.doors} doors"


def call_window(calls: Iterable[datetime], zone: tzinfo, zone_name: str) -> CallWindow:
    """Return the window in which a site's doors call.

    Args:
        calls: When each door last called; aware.
        zone: The time zone of the site.
        zone_name: Its name.
    """
    counts = [0] * _SLOTS
    for call in calls:
        local = call.astimezone(zone)
        counts[(local.hour * 60 + local.minute) // _SLOT_MINUTES] += 1
    doors = sum(counts)
    if doors < _ENOUGH:
        return CallWindow(0, 4 * 60, zone_name, 0)
    first, length = _shortest(counts, _NEARLY_ALL * doors)
    if length + 2 * _MARGIN > _LONGEST:
        return CallWindow(0, 0, zone_name, doors)
    begin = (first - _MARGIN) % _SLOTS * _SLOT_MINUTES
    end = (first + length + _MARGIN) % _SLOTS * _SLOT_MINUTES
    return CallWindow(begin, end, zone_name, doors)


def clock(minutes: int) -> str:
    """Return minutes after midnight as a clock shows them."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _shortest(counts: list[int], wanted: float) -> tuple[int, int]:
    """The first slot and the number of slots of the shortest run, around midnight too, with that many calls."""
    best = (0, _SLOTS)
    for first in range(_SLOTS):
        so_far = 0
        for length in range(1, best[1]):
            so_far += counts[(first + length - 1) % _SLOTS]
            if so_far >= wanted:
                best = (first, length)
                break
    return best
