"""Finds the entries of the audit log that are about one rotation. Pure."""

from collections.abc import Iterable
from datetime import timedelta

from engage_server.records import AuditAction, AuditEntry, AuditFilter, Rotation

_A_MOMENT = timedelta(seconds=1)  # an entry at the very end belongs to it
_ACTIONS = (
    AuditAction.ROTATION_STARTED,
    AuditAction.ROTATION_ADVANCED,
    AuditAction.ROTATION_HELD,
    AuditAction.ROTATION_APPROVED,
    AuditAction.ROTATION_APPROVED_ALONE,
    AuditAction.ROTATION_ENDED,
)


def entries_of(rotation: Rotation) -> AuditFilter:
    """Where to look for them. Entries about the site's other rotations may be found there, too."""
    until = rotation.ended_at + _A_MOMENT if rotation.ended_at else None
    return AuditFilter(site=rotation.site, actions=_ACTIONS, since=rotation.started_at, until=until)


def history_of(rotation: Rotation, entries: Iterable[AuditEntry]) -> tuple[AuditEntry, ...]:
    """The entries about this rotation alone, in the order in which they are given."""
    return tuple(each for each in entries if each.event.facts.get("rotation") == str(rotation.number))
