"""When nothing came through to a site last: by the links that say so, unless another one worked meanwhile. Pure."""

from collections.abc import Sequence
from datetime import datetime

from engage_server.records import CutPath, LinkStanding, PathCut
from engage_server.services.site_path.standing import PathState, believed_until, site_path
from engage_server.services.site_path.words import mend_of, why_of


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

    1. While the path is cut, it is a cut that lasts. It begins with the first of the links' cuts that last, but not
       while another link worked.
    2. Else it is the one that ended last. A link's cut was the site's, unless another link worked all through it. It
       ended when this link was restored, or when another one began to work.

    A cut that lasts is judged as :func:`.standing.site_path` judges. So a degraded path is no cut.

    Args:
        standings: Of the site's links.
        now: The moment; aware.
    """
    if site_path(standings, now).state is PathState.CUT:
        cuts = [each.cut_since for each in standings if each.cut_since is not None and _lasts(each)]
        worked = [until for each in standings if (until := _worked_until(each)) is not None and until <= now]
        return PathCut(max([min(cuts, default=now), *worked]))
    over = [
        cut
        for each in standings
        if (cut := _ended(each, standings)) is not None and not any(_worked_through(other, cut) for other in standings)
    ]
    return max(over, key=lambda cut: (cut.until or now, cut.since), default=None)


def _lasts(link: LinkStanding) -> bool:
    return link.cut_since is not None and link.cut_until is None


def _ended(link: LinkStanding, standings: Sequence[LinkStanding]) -> PathCut | None:
    """The cut of a link, as far as it was the site's. None: there was none, or nothing says that it is over."""
    since = link.cut_since
    if since is None:
        return None
    ends = [link.cut_until, *(each.works_since for each in standings if each.link != link.link)]
    until = min((each for each in ends if each is not None and each > since), default=None)
    return PathCut(since, until) if until is not None else None


def _worked_until(link: LinkStanding) -> datetime | None:
    """Until when a link worked that may not do so any more. None: nothing ever said that it worked."""
    if link.works_at is None:
        return None
    if _lasts(link):
        return link.cut_since
    until = believed_until(link, link.works_at)
    return min(until, link.trouble_since) if link.trouble_since is not None else until


def _worked_through(link: LinkStanding, cut: PathCut) -> bool:
    """Whether a link worked all through a cut, as far as its last events say."""
    until = _worked_until(link)
    if link.works_since is None or until is None or cut.until is None:
        return False
    return link.works_since <= cut.since and until >= cut.until
