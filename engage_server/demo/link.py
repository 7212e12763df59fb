"""The depot's path: a SIM that was suspended for one night long ago, and has been suspended for three nights now.

A door that calls each night counts as silent after two and a half days. So one night would not be seen.

Its operator does not exist, so only its events are there: as a poll would have reported them.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from engage_server.composition.operator_side import OperatorSide
from engage_server.demo.calendar import SiteCalendar
from engage_server.demo.sites import DEPOT
from engage_server.records import LINK_REGISTERED, PathEvent, PathSays

LINK = "demo-depot-sim"
_LAST = 3
_SIM = "8931440000000000001"
_SUSPENDED = {"thing": _SIM, "state": "SUSPENDED"}
_ACTIVE = {"thing": _SIM, "state": "ACTIVE"}


def cut_nights(nights: int) -> frozenset[int]:
    """The nights in which no call of the depot comes through: one long ago, and the last three.

    Args:
        nights: How many there are.
    """
    return frozenset((nights // 3 - 1, *range(nights - _LAST, nights)))


def path_events(
    side: OperatorSide, calendar: SiteCalendar, nights: int
) -> Iterator[tuple[datetime, Callable[[datetime], None]]]:
    """Each event of the link with its time, in no order.

    Args:
        side: The services of the demonstration.
        calendar: The depot's.
        nights: How many nights there are.
    """
    say = partial(_say, side)
    yield calendar.at(-1, 9), partial(say, LINK_REGISTERED, PathSays.NOTHING, {"partner": "sim"})
    cuts = cut_nights(nights)
    for night in range(-1, nights - 1):
        if night + 1 in cuts and night in cuts:
            continue
        if night + 1 in cuts:
            yield calendar.at(night, 17, 20), partial(say, "sim_suspended", PathSays.CUT, _SUSPENDED)
        else:
            yield calendar.at(night, 17, 20), partial(say, "sim_reachable", PathSays.WORKS, _ACTIVE)
        if night in cuts:
            yield calendar.at(night, 8, 35), partial(say, "sim_active", PathSays.RESTORED, _ACTIVE)


def _say(side: OperatorSide, kind: str, says: PathSays, detail: dict[str, str], at: datetime) -> None:
    side.path_recording.record([PathEvent(DEPOT.name, LINK, at, kind, says, detail)])
