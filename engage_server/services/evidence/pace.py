"""Measures how fast the devices of a site connect, and when. Pure but for the reading of the store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.records import Release
from engage_server.store.interface import DeviceFilter, EvidenceStore, PageStore

_ALL_BUT_A_FEW = 0.99
_ENOUGH = 3  # devices, for a measurement to mean anything
_ASSUMED = timedelta(days=30)
_SHORTEST = timedelta(days=2)
_AT_ONCE = 500  # devices in memory


@dataclass(frozen=True, slots=True)
class Pace:
    """The time in which 99 % of a site's devices connect.

    Attributes:
        time: The time.
        basis: How that is known, in words.
        is_measured: Whether it was measured; otherwise it is assumed.
    """

    time: timedelta
    basis: str
    is_measured: bool


def pace_of(silences: Mapping[int, int], arrivals: Mapping[int, int]) -> Pace:
    """The slower of two measurements.

    Args:
        silences: For each number of days, how many devices may be silent that long by their habit.
        arrivals: For each number of whole days after the activation of the current release, how many devices came to
            it then.
    """
    measured = []
    if sum(silences.values()) >= _ENOUGH:
        days = _quantile(silences)
        measured.append((timedelta(days=days), f"the habits of {sum(silences.values())} devices"))
    if sum(arrivals.values()) >= _ENOUGH:
        days = _quantile(arrivals) + 1
        measured.append((timedelta(days=days), f"{sum(arrivals.values())} devices that came to the current release"))
    if not measured:
        return Pace(_ASSUMED, "assumed: too few devices were seen", is_measured=False)
    time, basis = max(measured)
    return Pace(max(time, _SHORTEST), f"measured: {basis}", is_measured=True)


def measured_pace(store: EvidenceStore, site: str, current: Release | None) -> Pace:
    """How fast the devices of a site connect. It costs queries that read all of its devices.

    Args:
        store: Holds the evidence.
        site: The site.
        current: The release that it serves. None for none.
    """
    arrivals: Mapping[int, int] = {}
    if current is not None and current.activated_at is not None:
        arrivals = store.arrivals(site, current.number, current.activated_at)
    return pace_of(store.silences(site), arrivals)


def last_calls(store: PageStore, site: str, limit: int) -> Iterator[datetime]:
    """When devices of a site were last seen, those that have been silent longest first.

    Args:
        store: Holds the evidence.
        site: The site.
        limit: The most devices. Those that have been silent longest are left out.
    """
    newest = store.silent_order(site, DeviceFilter()).seen[-limit:]
    for first in range(0, len(newest), _AT_ONCE):
        yield from (each.last_seen for each in store.devices_of_rows(newest[first : first + _AT_ONCE], None))


def _quantile(counts: Mapping[int, int]) -> int:
    wanted, so_far = _ALL_BUT_A_FEW * sum(counts.values()), 0
    for days in sorted(counts):
        so_far += counts[days]
        if so_far >= wanted:
            return days
    return max(counts, default=0)
