"""Folds path events into the standing of each link. Pure, one event at a time.

1. A link that is registered gets its site, its partner and how often something is expected. Its past stays.
2. A link that is removed ends its trouble. Its standing says nothing more, until it is registered again. Of what was
   before the removal, only its cuts are remembered.
3. Two kinds of events end older trouble:
   a. One that says that the path works. After trouble, and after a time in which nothing said so, a new run of such
      events begins.
   b. One that says that it is restored. It claims nothing else: what was last said to work still counts for as long.
4. An event that says cut or degraded counts unless a newer one ended it. Of one moment, trouble counts. The first of
   its kind says since when. Of several kinds, the one that is hardest to fix says why. Degraded never
   replaces a cut.
5. The last cut is remembered after its end. One that begins within a night of that end continues it, so that a path
   that comes and goes is one cut.
6. A word close after a cut may come from a clock that is ahead. So the next one counts as the end, if one comes.
7. Anything else changes nothing.

Events may arrive late, because each process has its own spool file. So an event is compared with the times that are
known, and never simply takes their place. Whether a link is in trouble does not depend on the order of its events.

Trouble that is older than its end is over, even by a minute. If it lasts, it is said again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engage_server.records import LINK_REGISTERED, LINK_REMOVED, NIGHT_AFTER_CUT, LinkStanding, PathEvent, PathSays
from engage_server.services.site_path.clocks import APART, event_by, standing_before
from engage_server.services.site_path.standing import believed_until

PARTNER, EXPECTS_SECONDS = "partner", "expects_seconds"  # in the detail of a registration
_MAX_SECONDS = 2**31 - 1
# a SIM that is suspended and then retired: that it is retired says what to do, in whatever order it is heard
_HARDER_TO_FIX = ("sim_provisioned", "sim_suspended", "sim_not_found", "sim_retired")


def fold(
    known: Mapping[str, LinkStanding], events: Sequence[PathEvent], now: datetime | None = None
) -> dict[str, LinkStanding | None]:
    """Fold events into the standings of their links. Implements :data:`engage_server.store.interface.PathFold`.

    Args:
        known: The standings by link.
        events: The events, in the order in which they came.
        now: The time; aware. Times after it count as now. None: all are believed.
    """
    after: dict[str, LinkStanding | None] = {}
    for event in events:
        came = event_by(event, now) if now is not None else event
        before = after[event.link] if event.link in after else known.get(event.link)
        if before is not None and now is not None:
            before = standing_before(before, came, now)
        after[event.link] = noted(before, came)
    return {link: standing for link, standing in after.items() if standing != known.get(link)}


def noted(before: LinkStanding | None, event: PathEvent) -> LinkStanding:
    """Return the standing of a link after one more event."""
    standing = before or LinkStanding(event.link, event.site)
    if event.kind == LINK_REMOVED:
        return _removed(standing, event.at)
    if event.kind == LINK_REGISTERED:
        return _registered(standing, event)
    if standing.removed_at is not None and event.at <= standing.removed_at:
        return _past(standing, event)
    if event.says is PathSays.NOTHING:
        return standing
    if event.says in (PathSays.WORKS, PathSays.RESTORED):
        return _ended(_told(standing, event), event.at)
    remembered = _cut(standing, event.at) if event.says is PathSays.CUT else standing
    return _troubled(remembered, event)


def _registered(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    if standing.registered_at is not None and event.at < standing.registered_at:
        return standing
    after = replace(standing, registered_at=event.at)
    if after.is_removed:
        return after
    return replace(
        after,
        site=event.site,
        partner=event.detail.get(PARTNER, ""),
        expects_seconds=_seconds(event.detail.get(EXPECTS_SECONDS, "")),
    )


def _removed(standing: LinkStanding, at: datetime) -> LinkStanding:
    after = replace(standing, removed_at=_newest(standing.removed_at, at))
    if after.works_at is not None and after.works_at <= at:
        run = _with_run(after, at)
        after = replace(run, works_since=None, works_at=None, works_by="")
    after = _ended(replace(after, restored_at=_newest(after.restored_at, at)), at)
    if after.trouble_at is not None and after.trouble_at <= at:  # of one moment: it goes, too
        after = _calm(after)
    if after.cut_at is not None and after.cut_at <= at:
        after = replace(after, cut_until=after.cut_until or at)
    return replace(after, partner="", expects_seconds=0) if after.is_removed else after


def _calm(standing: LinkStanding) -> LinkStanding:
    return replace(standing, trouble=PathSays.NOTHING, trouble_since=None, trouble_at=None, trouble_by="")


def _past(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    """What was before a removal counts only for the cut that the removal ended."""
    if event.says is PathSays.CUT:
        return _cut(standing, event.at)
    if event.says in (PathSays.WORKS, PathSays.RESTORED):
        return _without_cut(standing, event.at)
    return standing


def _ended(standing: LinkStanding, at: datetime) -> LinkStanding:
    """Trouble that is older is over: all of it, or the cut but not what is degraded since."""
    noted = _without_cut(standing, at)
    if standing.trouble_at is None or at > standing.trouble_at:
        return _calm(noted)
    if standing.trouble_since is None or at < standing.trouble_since:
        return noted  # it came late: all trouble is newer
    if standing.trouble is PathSays.CUT and (standing.cut_at is None or at > standing.cut_at):
        return replace(noted, trouble=PathSays.DEGRADED, trouble_since=standing.trouble_at, trouble_by="")
    since = standing.cut_at if standing.trouble is PathSays.CUT else standing.trouble_at
    return replace(noted, trouble_since=since)


def _told(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    """Since when and until when the path was said to work, or to be restored."""
    works_at, at = standing.works_at, event.at
    ends_trouble = standing.trouble_at is not None and at > standing.trouble_at
    is_believed = works_at is not None and at <= believed_until(standing, works_at)
    if event.says is PathSays.RESTORED:
        restored = replace(standing, restored_at=_newest(standing.restored_at, at))
        return replace(_with_run(restored, at), works_since=at) if ends_trouble and works_at is not None else restored
    if works_at is not None and at < works_at:
        return _told_late(standing, at)
    begins = works_at is None or ends_trouble or not is_believed
    run = _with_run(standing, at) if begins else standing
    return replace(run, works_since=at if begins else standing.works_since, works_at=at, works_by=event.kind)


def _told_late(standing: LinkStanding, at: datetime) -> LinkStanding:
    """An older word belongs to the present run if it was still believed as that began, and no cut was between them."""
    since = standing.works_since
    if since is None or not at < since <= believed_until(standing, at):
        return standing
    was_cut = standing.cut_at is not None and at <= standing.cut_at <= since
    return standing if was_cut else replace(standing, works_since=at)


def _with_run(standing: LinkStanding, at: datetime) -> LinkStanding:
    """The present run becomes the one before."""
    if standing.works_since is None or standing.works_at is None:
        return standing
    ends = [believed_until(standing, standing.works_at), standing.trouble_since, at]
    until = min(each for each in ends if each is not None)
    if until <= standing.works_since:
        return standing  # restored, and never said to work since
    return replace(standing, worked_since=standing.works_since, worked_until=until)


def _troubled(standing: LinkStanding, event: PathEvent) -> LinkStanding:
    if standing.ended_at is not None and event.at < standing.ended_at:
        return standing  # it came late: since then it has ended
    last = event.at if standing.trouble_at is None else max(standing.trouble_at, event.at)
    since = standing.trouble_since
    if standing.trouble is PathSays.CUT and event.says is PathSays.DEGRADED:
        return replace(standing, trouble_at=last)
    if standing.trouble is event.says and since is not None:
        by = max((standing.trouble_by, since), (event.kind, event.at), key=_names_trouble)[0]
        return replace(standing, trouble_since=min(since, event.at), trouble_at=last, trouble_by=by)
    return replace(standing, trouble=event.says, trouble_since=event.at, trouble_at=last, trouble_by=event.kind)


def _names_trouble(said: tuple[str, datetime]) -> tuple[int, float, str]:
    """Sorts what is said of one trouble: the kind that is hardest to fix, then the first one."""
    kind, at = said
    return _HARDER_TO_FIX.index(kind) if kind in _HARDER_TO_FIX else -1, -at.timestamp(), kind


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
    after = [each for each in known if each is not None and each > at]
    return _first(after, at) if after else None


def _without_cut(standing: LinkStanding, at: datetime) -> LinkStanding:
    if standing.cut_at is None or at <= standing.cut_at:
        return standing
    ends = [at] if standing.cut_until is None else [at, standing.cut_until]
    return replace(standing, cut_until=_first(ends, standing.cut_at))


def _first(ends: Sequence[datetime], cut_at: datetime) -> datetime:
    """The first end of a cut. One so close to it that its clock may be ahead counts only if there is no other."""
    return min([each for each in ends if each > cut_at + APART] or ends)


def _newest(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else max(known, at)


def _seconds(text: str) -> int:
    return min(int(text), _MAX_SECONDS) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
