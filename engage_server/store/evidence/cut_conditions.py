"""Which silent devices may be silent because nothing came through to their site, as a condition in SQL."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, false, literal

from engage_server.records import NIGHT_AFTER_CUT, PathCut

_HOUR = 3600
_NIGHT = int(NIGHT_AFTER_CUT.total_seconds())
_BEYOND = 12 * _HOUR  # of the usual patience: the half day beyond twice the usual gap


def is_behind(
    cut: PathCut | None, now: datetime, due: ColumnElement[int], may_be_silent: ColumnElement[int]
) -> ColumnElement[bool]:
    """Whether a device that is late may be so because of a cut.

    1. It had not missed its habit before the cut began.
    2. While the cut lasts it is waited for. After that for a night, or for its usual pause if that is longer. Who came
       after the cut is not late before that is over.

    Args:
        cut: The last cut of the path to its site. None: there was none.
        now: Aware.
        due: When it misses its habit, as seconds.
        may_be_silent: For how many seconds it may be silent before it misses its habit.
    """
    if cut is None:
        return false()
    fell_silent_in_it = due >= int(cut.since.timestamp())
    if cut.until is None:
        return fell_silent_in_it
    until = int(cut.until.timestamp())
    usual = (may_be_silent - _BEYOND) / 2
    its_night = case((usual > _NIGHT, usual), else_=literal(_NIGHT))
    return and_(fell_silent_in_it, int(now.timestamp()) <= until + its_night)
