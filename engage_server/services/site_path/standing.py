"""What the standings of links mean at a moment: for one link, and for a site that has several. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engage_server.records import LinkStanding, PathSays

TRUSTED_FOR = timedelta(hours=26)  # a day and some hours: doors call once a night, and so may a link
SILENT_AFTER = 3  # times the expected pause


class PathState(StrEnum):
    """Whether a path carries anything."""

    OK = "ok"
    DEGRADED = "degraded"
    CUT = "cut"
    UNKNOWN = "unknown"


_WORST_FIRST = (PathState.CUT, PathState.DEGRADED, PathState.OK, PathState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class SitePath:
    """The path to a site, or one link of it, at a moment.

    Attributes:
        state: Whether it carries anything.
        since: Since when it is so. None: nothing was ever said.
        link: Which link says so; "" if the site has none.
        said_by: The kind of the event that says so. "silence" if the lack of events does, and "" if nothing does.
    """

    state: PathState
    since: datetime | None
    link: str
    said_by: str


SILENCE = "silence"
NO_LINK = SitePath(PathState.UNKNOWN, None, "", "")


def link_path(standing: LinkStanding, now: datetime) -> SitePath:
    """Return what one link says at a moment.

    1. Trouble that something newer did not end is believed: a cut, or degraded.
    2. Without any event the state is unknown.
    3. What works is believed for three times the expected pause. After that the link is silent, which is degraded.
    4. If nobody said what pause to expect, it is believed for 26 hours. After that the state is unknown.

    Args:
        standing: What all events of the link say.
        now: The moment; aware.
    """
    link = standing.link
    if standing.trouble is not PathSays.NOTHING:
        state = PathState.CUT if standing.trouble is PathSays.CUT else PathState.DEGRADED
        return SitePath(state, standing.trouble_since, link, standing.trouble_by)
    if standing.works_at is None:
        return SitePath(PathState.UNKNOWN, None, link, "")
    until = believed_until(standing, standing.works_at)
    if now <= until:
        return SitePath(PathState.OK, standing.works_since, link, standing.works_by)
    return SitePath(PathState.DEGRADED if standing.expects_seconds else PathState.UNKNOWN, until, link, SILENCE)


def believed_until(standing: LinkStanding, works_at: datetime) -> datetime:
    """Until when a link is believed that was said to work at this time: rules 3 and 4 of :func:`link_path`."""
    return works_at + (SILENT_AFTER * timedelta(seconds=standing.expects_seconds) or TRUSTED_FOR)


def site_path(standings: Sequence[LinkStanding], now: datetime) -> SitePath:
    """Return what all links of a site say together at a moment.

    1. Without a link the state is unknown. A link that was removed says nothing.
    2. Each link is a path by itself, over which some of the doors may come. So the worst that is known decides: a cut,
       then degraded, then what works. What comes over one link says nothing of another one.
    3. Of several links that say the same, the one that said it first is named.

    Args:
        standings: Of the site's links.
        now: The moment; aware.
    """
    paths = [link_path(each, now) for each in standings if not each.is_removed]
    if not paths:
        return NO_LINK
    worst = min((path.state for path in paths), key=_WORST_FIRST.index)
    return _first([path for path in paths if path.state is worst])


def _first(paths: Sequence[SitePath]) -> SitePath:
    return min(paths, key=lambda path: (path.since is None, path.since.timestamp() if path.since else 0.0, path.link))
