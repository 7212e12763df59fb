"""Times that were written under a clock that was ahead. Pure.

Each host notes its events by its own clock. The clock of the host that folds them is the measure: nothing happened
after its present. A clock that is a year ahead would otherwise decide for a year what is newest.

If the clock of the folding host is behind, all events seem to be ahead. So they keep their order among each other.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engage_server.records import LinkStanding, PathEvent, PathMark

APART = timedelta(minutes=10)  # so far the clocks of hosts may differ
_TICK = timedelta(microseconds=1)
_BEFORE = timedelta(seconds=1)


def events_by(events: Sequence[PathEvent], now: datetime) -> list[PathEvent]:
    """The events, which happened by now at the latest. Those that are ahead keep their order."""
    ahead = sorted({event.at for event in events if event.at > now + APART})
    came = {at: now - _TICK * (len(ahead) - 1 - number) for number, at in enumerate(ahead)}
    return [replace(event, at=came.get(event.at, event.at)) for event in events]


def standing_before(standing: LinkStanding, event: PathEvent, now: datetime) -> LinkStanding:
    """The standing, whose times in the future were before an event that only comes now."""
    before, limit = min(event.at, now) - _BEFORE, now + APART
    ahead = sorted({at for mark in standing.marks for at in (mark.at, mark.until) if at > limit})
    if not ahead and not any(at is not None and at > limit for at in (standing.registered_at, standing.removed_at)):
        return standing
    came = {at: before - _TICK * (len(ahead) - 1 - number) for number, at in enumerate(ahead)}

    def moved(at: datetime) -> datetime:
        return came.get(at, before if at > limit else at)

    marks = [replace(mark, at=moved(mark.at), until=moved(mark.until)) for mark in standing.marks]
    return replace(
        standing,
        registered_at=moved(standing.registered_at) if standing.registered_at else None,
        removed_at=moved(standing.removed_at) if standing.removed_at else None,
        marks=_in_order(marks),
    )


def _in_order(marks: Sequence[PathMark]) -> tuple[PathMark, ...]:
    """The marks by time. One that was partly ahead must not reach over those that follow it."""
    found = sorted(marks, key=lambda mark: mark.at)
    ends = [each.at for each in found[1:]]
    return tuple(
        replace(mark, until=max(mark.at, min(mark.until, end)))
        for mark, end in zip(found, [*ends, found[-1].until] if found else (), strict=True)
    )
