"""When nothing came through to a site: by any of its links, each of which is a path by itself. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from engage_server.records import CutPath, LinkStanding, PathCut
from engage_server.services.site_path.standing import PathState, site_path
from engage_server.services.site_path.words import mend_of, why_of


def cut_path(standings: Sequence[LinkStanding], site: str, now: datetime) -> CutPath | None:
    """The last cut of a site's path with its words, and the cuts before it. None: there was none.

    Args:
        standings: Of the links that lead to the site, or once led there.
        site: Its name.
        now: The moment; aware.
    """
    cuts = cuts_of(standings, site)
    if not cuts:
        return None
    last, earlier = cuts[0], tuple(cuts[1:])
    path = site_path(standings, now)
    if last.until is not None or path.state is not PathState.CUT:
        return CutPath(last, earlier=earlier)
    return CutPath(last, f"{why_of(path)} (link {path.link})", mend_of(path, site), earlier)


def cuts_of(standings: Iterable[LinkStanding], site: str) -> list[PathCut]:
    """Return the cuts of a site's path, the newest first. No two of them share a moment.

    It is cut while any of its links is. A good word over one link says nothing of another one: SIMs that stand in for
    each other belong into one link.

    Args:
        standings: Of the links that lead to the site, or once led there.
        site: Its name.
    """
    found: list[PathCut] = []
    of_site = [each for standing in standings for each in standing.cuts if each.site == site]
    for cut in sorted(of_site, key=lambda each: each.since):
        last = found[-1] if found else None
        if last is None or (last.until is not None and last.until < cut.since):
            found.append(PathCut(cut.since, cut.until))
        elif last.until is not None and (cut.until is None or cut.until > last.until):
            found[-1] = PathCut(last.since, cut.until)
    return found[::-1]
