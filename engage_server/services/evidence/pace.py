"""How fast the devices of a site come, as measured. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

_ALL_BUT_A_FEW = 0.99
_ENOUGH = 3  # devices, for a measurement to mean anything
_ASSUMED = timedelta(days=30)
_SHORTEST = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Pace:
    """In which time 99 % of a site's devices come by.

    Attributes:
        time: So long.
        basis: How that is known, in words.
        is_measured: Whether it is known at all, or assumed.
    """

    time: timedelta
    basis: str
    is_measured: bool


def pace_of(silences: Mapping[int, int], arrivals: Mapping[int, int]) -> Pace:
    """The slower of what two measurements say.

    Args:
        silences: For each number of days, how many devices may be silent so long by their habit.
        arrivals: For each number of whole days since the current release was activated, how many came to it then.
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


def _quantile(counts: Mapping[int, int]) -> int:
    wanted, so_far = _ALL_BUT_A_FEW * sum(counts.values()), 0
    for days in sorted(counts):
        so_far += counts[days]
        if so_far >= wanted:
            return days
    return max(counts, default=0)
