"""Times that were written under a clock that was ahead. Pure.

Each host notes its events by its own clock. One that is a year ahead would otherwise decide for a year what is newest.
"""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from engage_server.records import LinkStanding, PathEvent

APART = timedelta(minutes=10)  # so far the clocks of hosts may differ
_TIMES = tuple(each.name for each in fields(LinkStanding) if each.name.endswith(("_at", "_since", "_until")))


def event_by(event: PathEvent, now: datetime) -> PathEvent:
    """The event, which happened by now at the latest."""
    return replace(event, at=now) if event.at > now + APART else event


def standing_before(standing: LinkStanding, event: PathEvent, now: datetime) -> LinkStanding:
    """The standing, whose times in the future were before an event that only comes now."""
    before = min(event.at, now) - timedelta(seconds=1)
    ahead: dict[str, Any] = {
        name: before for name in _TIMES if (value := getattr(standing, name)) is not None and value > now + APART
    }
    return replace(standing, **ahead) if ahead else standing
