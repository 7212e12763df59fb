"""Folds path events into the standing of each link. Pure, one event at a time.

1. A link that is registered gets its site, its partner and how often something is expected. Its past stays.
2. A link that is removed has no standing any more.
3. Two kinds of events end older trouble:
   a. One that says that the path works. After trouble, a new run of such events begins.
   b. One that says that it is restored. It claims nothing else: what was last said to work still counts for as long.
4. An event that says cut or degraded counts unless a newer one ended it. Of one moment, trouble counts. The first of
   its kind says since when. Degraded never replaces a cut.
5. The last cut is remembered after its end. One that begins within a night of that end continues it, so that a path
   that comes and goes is one cut.
6. Anything else changes nothing.

Events may arrive late, because each process has its own spool file. So an event is compared with the times that are
known, and never simply takes their place. Whether a link is in trouble does not depend on the order of its events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engage_server.records import LINK_REGISTERED, LINK_REMOVED, NIGHT_AFTER_CUT, LinkStanding, PathEvent, PathSays

PARTNER, EXPECTS_SECONDS = "partner", "expects_seconds"  # in the detail of a registration
_MAX_SECONDS = 2**31 - 1


def fold(known: Mapping[str, LinkStanding], events: Sequence[PathEvent]) -> dict[str, LinkStanding | None]:
    """Fold events into the standings of their links. Implements :data:`engage_server.store.interface.PathFold`."""
    after: dict[str, LinkStanding | None] = {}
    for event in events:
        before = after[event.link] if event.link in after else known.get(event.link)
        after[event.link] = noted(before, event)
    return {link: standing for link, standing in after.items() if standing != known.get(link)}


def noted(before: LinkStanding | None, event: PathEvent) -> LinkStanding | None:
    """Return the standing of a link after one more event. None: the link is gone."""
    if event.kind == LINK_REMOVED:
        return None
    standing = before or LinkStanding(event.link, event.site)
    if event.kind == LINK_REGISTERED:
        return replace(
            standing,
            site=event.site,
            partner=event.detail.get(PARTNER, ""),
            expects_seconds=_seconds(event.detail.get(EXPECTS_SECONDS, "")),
        )
    if event.says is PathSays.NOTHING:
        return standing
    if event.says in (PathSays.WORKS, PathSays.RESTORED):
        return _ended(standing, event)
    remembered = _cut(standing, event.at) if event.says is PathSays.CUT else standing
    return _troubled(remembered, event)


def _ended(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    """Trouble that is older is over: all of it, or the cut but not what is degraded since."""
    noted = _without_cut(_told(standing, event), event.at)
    if standing.trouble_at is None or event.at > standing.trouble_at:
        return replace(noted, trouble=PathSays.NOTHING, trouble_since=None, trouble_at=None, trouble_by="")
    if standing.trouble_since is None or event.at < standing.trouble_since:
        return noted  # it came late: all trouble is newer
    if standing.trouble is PathSays.CUT and (standing.cut_at is None or event.at > standing.cut_at):
        return replace(noted, trouble=PathSays.DEGRADED, trouble_since=standing.trouble_at, trouble_by="")
    since = standing.cut_at if standing.trouble is PathSays.CUT else standing.trouble_at
    return replace(noted, trouble_since=since)


def _told(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    """Since when and until when the path was said to work, or to be restored."""
    ends_trouble = standing.trouble_at is not None and event.at > standing.trouble_at
    if event.says is PathSays.RESTORED:
        restored = replace(standing, restored_at=max(standing.restored_at or event.at, event.at))
        return replace(restored, works_since=event.at) if ends_trouble and standing.works_since else restored
    newest = standing.works_at is None or event.at >= standing.works_at
    since = event.at if standing.works_since is None or ends_trouble else min(standing.works_since, event.at)
    return replace(
        standing,
        works_since=since,
        works_at=event.at if newest else standing.works_at,
        works_by=event.kind if newest else standing.works_by,
    )


def _troubled(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    if standing.ended_at is not None and event.at < standing.ended_at:
        return standing  # it came late: since then it has ended
    last = event.at if standing.trouble_at is None else max(standing.trouble_at, event.at)
    since = standing.trouble_since
    is_weaker = standing.trouble is PathSays.CUT and event.says is PathSays.DEGRADED
    if is_weaker or (standing.trouble is event.says and since is not None and since <= event.at):
        return replace(standing, trouble_at=last)
    return replace(standing, trouble=event.says, trouble_since=event.at, trouble_at=last, trouble_by=event.kind)


def _cut(standing: LinkStanding, at: datetime) -> LinkStanding:
    """The last cut, with one more moment at which it was said."""
    if standing.cut_at is not None and standing.cut_since is not None and at <= standing.cut_at:
        is_of_it = at < standing.cut_since <= at + NIGHT_AFTER_CUT
        return replace(standing, cut_since=at) if is_of_it else standing
    before = standing.cut_until
    goes_on = standing.cut_since is not None and (before is None or at <= before + NIGHT_AFTER_CUT)
    since = standing.cut_since if goes_on else at
    return replace(standing, cut_since=since, cut_at=at, cut_until=_first_end(standing, at))


def _first_end(standing: LinkStanding, at: datetime) -> datetime | None:
    """The first end that is known after this time. None: it lasts."""
    known = (standing.works_since, standing.works_at, standing.restored_at)
    return min((each for each in known if each is not None and each > at), default=None)


def _without_cut(standing: LinkStanding, at: datetime) -> LinkStanding:
    if standing.cut_at is None or at <= standing.cut_at:
        return standing
    return replace(standing, cut_until=min(standing.cut_until or at, at))


def _seconds(text: str) -> int:
    return min(int(text), _MAX_SECONDS) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
