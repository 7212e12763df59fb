"""Verifies the audit log once a day, on one node."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.records import AlertMark
from engage_server.store.interface import AuditStore, OutboxStore

TOPIC = "audit_check"
EVERY = timedelta(hours=24)
_BEGUN_AGAIN = timedelta(hours=1)  # after a check that did not end
_MOST_KEPT = 5
_AHEAD = timedelta(minutes=10)


class LogCheckStore(OutboxStore, AuditStore, Protocol):
    """The part of the store that this needs."""


class LogCheck:
    """Verifies the whole log. A million entries take some seconds of one processor, and little memory.

    Args:
        store: Holds the log.
    """

    def __init__(self, store: LogCheckStore) -> None:
        self._store = store

    def run(self, now: datetime) -> bool:
        """Verify it if that is due, and nobody else does it. Return whether this node did."""
        mark = next((each for each in self._store.alert_marks() if each.topic == TOPIC), AlertMark(TOPIC))
        if not _is_due(mark, now):
            return False
        before = dict(mark.value or {})
        claimed = replace(mark, value={**before, "begun": now.isoformat()})
        if not self._store.put_in_outbox([], [claimed]):
            return False
        verdict = self._store.audit_verdict()
        value = {
            "begun": now.isoformat(),
            "ended": now.isoformat(),
            "entries": verdict.entries,
            "faults": list(verdict.faults[:_MOST_KEPT]),
            "count": len(verdict.faults),
        }
        return self._store.put_in_outbox([], [replace(claimed, version=mark.version + 1, value=value)])


def faults_in(marks: Iterable[AlertMark]) -> list[str]:
    """The first faults that the last check found."""
    value = next((each.value for each in marks if each.topic == TOPIC and each.value is not None), {})
    faults = value.get("faults", [])
    return [str(each) for each in faults] if isinstance(faults, list) else []


def _is_due(mark: AlertMark, now: datetime) -> bool:
    value = mark.value or {}
    begun, ended = (datetime.fromisoformat(str(value[each])) if each in value else None for each in ("begun", "ended"))
    if begun is None or begun > now + _AHEAD:  # never, or by a clock that was wrong
        return True
    if ended is None or ended < begun:
        return now - begun >= _BEGUN_AGAIN
    return now - begun >= EVERY
