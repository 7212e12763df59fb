"""Folds path events into the standing of each link. Pure, one event at a time.

Events may arrive late, because each process has its own spool file. So each is put into its place in time
(:mod:`.marks`), and what follows is told from the beginning (:mod:`.replay`). The order in which events came makes no
difference, neither to the present nor to the past.

A word counts for its own link alone. A message over another link ends nothing: it came by another path.

A link that is registered gets its site, its partner and how often something is expected. Its past stays. A link that is
removed says nothing more, until it is registered again. Its cuts are remembered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engage_server.records import LINK_REGISTERED, LINK_REMOVED, LinkStanding, PathEvent
from engage_server.services.site_path.clocks import events_by, standing_before
from engage_server.services.site_path.marks import is_repetition, marks_with
from engage_server.services.site_path.replay import replayed
from engage_server.store.interface import Folded

PARTNER, EXPECTS_SECONDS = "partner", "expects_seconds"  # in the detail of a registration
_MAX_SECONDS = 2**31 - 1


def fold(known: Mapping[str, LinkStanding], events: Sequence[PathEvent], now: datetime | None = None) -> Folded:
    """Fold events into the standings of their links. Implements :data:`engage_server.store.interface.PathFold`.

    Trouble that lasts is said again each hour, in case somebody said that it is over. Of these repetitions, one a day
    is worth keeping: the others are needless.

    Args:
        known: The standings by link.
        events: The events, in the order in which they came.
        now: The time of this host; aware. Times after it count as now. None: all are believed.
    """
    after: dict[str, LinkStanding] = {}
    needless: set[int] = set()
    for number, event in enumerate(events_by(events, now) if now is not None else events):
        before = after[event.link] if event.link in after else known.get(event.link)
        if before is not None and now is not None:
            before = standing_before(before, event, now)
        if before is not None and is_repetition(before.marks, event):
            needless.add(number)
        after[event.link] = _marked(before, event)
    told = {link: replayed(standing, standing.marks) for link, standing in after.items()}
    changed = {link: standing for link, standing in told.items() if standing != known.get(link)}
    return Folded(changed, frozenset(needless))


def noted(before: LinkStanding | None, event: PathEvent) -> LinkStanding:
    """Return the standing of a link after one more event."""
    standing = _marked(before, event)
    return replayed(standing, standing.marks)


def _marked(before: LinkStanding | None, event: PathEvent) -> LinkStanding:
    """The standing with one more mark. What follows from all marks is told once, at the end."""
    standing = before or LinkStanding(event.link, event.site)
    if event.kind == LINK_REMOVED:
        standing = replace(standing, removed_at=_newest(standing.removed_at, event.at))
    if event.kind == LINK_REGISTERED:
        standing = _registered(standing, event)
    if standing.is_removed:
        standing = replace(standing, partner="", expects_seconds=0)
    return replace(standing, marks=marks_with(standing.marks, event))


def _registered(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    if standing.registered_at is not None and event.at < standing.registered_at:
        return standing
    return replace(
        standing,
        registered_at=event.at,
        partner=event.detail.get(PARTNER, ""),
        expects_seconds=_seconds(event.detail.get(EXPECTS_SECONDS, "")),
    )


def _newest(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else max(known, at)


def _seconds(text: str) -> int:
    return min(int(text), _MAX_SECONDS) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
