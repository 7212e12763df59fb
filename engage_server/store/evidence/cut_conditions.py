"""Which silent devices may be silent because nothing came through to their site, as a condition in SQL."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, false, literal, or_

from engage_server.records import NIGHT_AFTER_CUT, CutPath

_HOUR = 3600
_NIGHT = int(NIGHT_AFTER_CUT.total_seconds())
_BEYOND = 12 * _HOUR  # of the usual patience: the half day beyond twice the usual gap


def is_behind(
    path: CutPath | None, now: datetime, due: ColumnElement[int], may_be_silent: ColumnElement[int]
) -> ColumnElement[bool]:
    """Whether a device that is late may be so because of a cut: :meth:`.CutPath.excuses`, as a condition.

    Args:
        path: The cuts of the path to its site. None: there was none.
        now: Aware.
        due: When it misses its habit, as seconds.
        may_be_silent: For how many seconds it may be silent before it misses its habit.
    """
    if path is None:
        return false()
    usual = (may_be_silent - _BEYOND) / 2
    its_night = case((usual > _NIGHT, usual), else_=literal(_NIGHT))
    at_once, later = _openings(path, now)
    found = [] if at_once is None else [due >= at_once]
    return or_(false(), *found, *(and_(due >= since, its_night >= worked) for since, worked in later))


def _openings(path: CutPath, now: datetime) -> tuple[int | None, list[tuple[int, int]]]:
    """Since when each device is excused, and those with a longer pause: with how long the path worked since then."""
    at_once, later = None, []
    for since, worked in path.openings(now):
        if worked <= NIGHT_AFTER_CUT:
            at_once = int(since.timestamp())
        else:
            later.append((int(since.timestamp()), int(worked.total_seconds())))
    return at_once, later
