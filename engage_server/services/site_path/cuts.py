"""When nothing came through to a site last: by the links that say so, unless another one worked meanwhile. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from engage_server.records import NIGHT_AFTER_CUT, CutPath, LinkStanding, PathCut
from engage_server.services.site_path.standing import PathState, believed_until, site_path
from engage_server.services.site_path.words import mend_of, why_of

_Run = tuple[datetime, datetime]


def cut_path(standings: Sequence[LinkStanding], site: str, now: datetime) -> CutPath | None:
    """The last cut of a site's path with its words. None: there was none.

    Args:
        standings: Of the site's links.
        site: Its name.
        now: The moment; aware.
    """
    cut = last_cut(standings, now)
    if cut is None or cut.until is not None:
        return CutPath(cut) if cut is not None else None
    path = site_path(standings, now)
    return CutPath(cut, f"{why_of(path)} (link {path.link})", mend_of(path, site))


def last_cut(standings: Sequence[LinkStanding], now: datetime) -> PathCut | None:
    """Return the last cut of a site's path that is known. None: there was none.

    1. While the path is cut, it is a cut that lasts. It begins with the first of the links' cuts that last.
    2. Else it is the one that ended last. It ended when its link was restored or removed, or when another one began to
       work that works still.
    3. It begins again when another link stops to work that worked before, or for a night. A shorter time is no end:
       doors had no night in it.
    4. A cut that begins within a night of the end of another one continues it.

    A cut that lasts is judged as :func:`.standing.site_path` judges. So a degraded path is no cut.

    Args:
        standings: Of the site's links.
        now: The moment; aware.
    """
    over = [cut for each in standings if (cut := _ended(each, standings, now)) is not None]
    if site_path(standings, now).state is not PathState.CUT:
        return max(over, key=lambda cut: (cut.until or now, cut.since), default=None)
    lasting = min((each.cut_since for each in standings if each.cut_since is not None and _lasts(each)), default=now)
    begin = _begin(lasting, now, [run for each in standings for run in _runs(each) if run[1] <= now])
    continued = [
        cut.since for cut in over if cut.until is not None and cut.until <= begin <= cut.until + NIGHT_AFTER_CUT
    ]
    return PathCut(min([begin, *continued]))


def _lasts(link: LinkStanding) -> bool:
    return link.cut_since is not None and link.cut_until is None and not link.is_removed


def _ended(link: LinkStanding, standings: Sequence[LinkStanding], now: datetime) -> PathCut | None:
    """The cut of a link, as far as it was the site's. None: there was none, or nothing says that it is over."""
    if link.cut_since is None:
        return None
    known = [each for each in (link.cut_until, link.removed_at if link.is_removed else None) if each is not None]
    end = min(known, default=now)
    others = [run for each in standings if each.link != link.link for run in _runs(each)]
    since = _begin(link.cut_since, end, others)
    until = min([*known, *(began for began, worked in others if began > since and worked >= end)], default=None)
    return PathCut(since, until) if until is not None and since < until else None


def _begin(since: datetime, end: datetime, runs: Iterable[_Run]) -> datetime:
    """When a cut really began that began and ended at these times, as other links worked meanwhile."""
    for began, worked in sorted(runs):
        is_before = began <= since < worked
        if is_before or (since < began and worked <= end and worked - began >= NIGHT_AFTER_CUT):
            since = worked
    return since


def _runs(link: LinkStanding) -> list[_Run]:
    """From when to when a link worked: the last two times that are known."""
    runs = []
    if link.worked_since is not None and link.worked_until is not None:
        runs.append((link.worked_since, link.worked_until))
    if link.works_since is not None and link.works_at is not None and not link.is_removed:
        until = believed_until(link, link.works_at)
        runs.append((link.works_since, min(until, link.trouble_since) if link.trouble_since is not None else until))
    return runs
