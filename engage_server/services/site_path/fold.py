"""Folds path events into the standing of each link. Pure, one event at a time.

1. A link that is registered gets its site, its partner and how often something is expected. Its past stays.
2. A link that is removed has no standing any more.
3. An event that says that the path works ends any older trouble. After trouble, a new run of such events begins.
4. An event that says cut or degraded counts unless a newer one says that the path works. The first of its kind says
   since when. Degraded never replaces a cut.
5. Anything else changes nothing.

Events may arrive late, because each process has its own spool file. So an event is compared with the times that are
known, and never simply takes their place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engage_server.records import LINK_REGISTERED, LINK_REMOVED, LinkStanding, PathEvent, PathSays

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
    if event.says is PathSays.WORKS:
        return _works(standing, event)
    return standing if event.says is PathSays.NOTHING else _troubled(standing, event)


def _works(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    if standing.trouble_at is not None and event.at < standing.trouble_at:
        return standing  # it came late: the trouble is newer
    is_new_run = standing.works_since is None or standing.trouble is not PathSays.NOTHING
    newest = standing.works_at is None or event.at >= standing.works_at
    return replace(
        standing,
        works_since=event.at if is_new_run or standing.works_since is None else min(standing.works_since, event.at),
        works_at=event.at if newest else standing.works_at,
        works_by=event.kind if newest else standing.works_by,
        trouble=PathSays.NOTHING,
        trouble_since=None,
        trouble_at=None,
        trouble_by="",
    )


def _troubled(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    if standing.works_at is not None and event.at < standing.works_at:
        return standing  # it came late: since then the path has worked
    last = event.at if standing.trouble_at is None else max(standing.trouble_at, event.at)
    since = standing.trouble_since
    is_weaker = standing.trouble is PathSays.CUT and event.says is PathSays.DEGRADED
    if is_weaker or (standing.trouble is event.says and since is not None and since <= event.at):
        return replace(standing, trouble_at=last)
    return replace(standing, trouble=event.says, trouble_since=event.at, trouble_at=last, trouble_by=event.kind)


def _seconds(text: str) -> int:
    return min(int(text), _MAX_SECONDS) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
