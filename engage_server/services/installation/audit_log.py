"""Reads the audit log, and finds out whether anybody has changed it."""

import hmac
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

from engage_server.errors import Conflict, UsageError
from engage_server.records import AuditAction, AuditEntry, AuditFilter, AuditHead, AuditVerdict, Page, every_item
from engage_server.store.interface import AuditStore, PageStore

_ALL = AuditFilter()
_AT_ONCE = 1000  # entries in memory
_AS_TOLD = "audit log: entry"
_LEAST_DIGITS = 16  # as many digits as the metric has
_NUMBER = re.compile(r"[0-9]{1,18}")
_HASH = re.compile(rf"[0-9a-f]{{{_LEAST_DIGITS},64}}")
_WHERE_FROM = "address"  # whence a person signed in


def as_told(head: AuditHead) -> str:
    """The line that is written to a log outside with each entry, where no database administrator can change it."""
    return f"{_AS_TOLD} {head}"


def without_address(entry: AuditEntry) -> AuditEntry:
    """An entry that does not say whence a person signed in: only those who manage people see that."""
    if entry.event.action is not AuditAction.SIGNED_IN:
        return entry
    facts = {name: value for name, value in entry.event.facts.items() if name != _WHERE_FROM}
    return replace(entry, event=replace(entry.event, facts=facts))


class LogStore(AuditStore, PageStore, Protocol):
    """The part of the store that holds the log."""


class AuditLog:
    """The log of everything that operators did.

    Args:
        store: Holds the log.
    """

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._verifying = threading.Lock()

    def head(self) -> AuditHead:
        """The newest entry's number and hash: to note down, for a later :meth:`verify`."""
        newest = self._store.audit_page(_ALL, None, 1).items
        return AuditHead(newest[0].number, newest[0].hash) if newest else AuditHead(0, "")

    def page(self, wanted: AuditFilter, cursor: str | None, limit: int) -> Page[AuditEntry]:
        """A page of the log, newest first.

        Raises:
            UsageError: The cursor is of another question (``cursor.invalid``).
        """
        return self._store.audit_page(wanted, cursor, limit)

    def entries(self, wanted: AuditFilter = _ALL) -> Iterator[AuditEntry]:
        """The entries, oldest first. They are read some at a time, while the caller goes on."""
        return every_item(lambda cursor: self._store.audit_page(wanted, cursor, _AT_ONCE, oldest_first=True))

    def last(self, count: int, wanted: AuditFilter = _ALL) -> Sequence[AuditEntry]:
        """The last entries, oldest first."""
        size = min(count, _AT_ONCE)
        newest = every_item(lambda cursor: self._store.audit_page(wanted, cursor, size))
        return list(islice(newest, count))[::-1]

    def verify_in_turn(self, expected: str | None = None) -> AuditVerdict:
        """The same as :meth:`verify`, for callers that could ask many times at once.

        Raises:
            UsageError: ``expected`` has another form.
            Conflict: This process is reading the log for somebody else (``audit.busy``).
        """
        if not self._verifying.acquire(blocking=False):
            raise Conflict(
                "the audit log is being verified for somebody else", "Try again in a minute.", code="audit.busy"
            )
        try:
            return self.verify(expected)
        finally:
            self._verifying.release()

    def verify(self, expected: str | None = None) -> AuditVerdict:
        """Check that each entry is as it was written, and that none is missing. It reads the whole log.

        Args:
            expected: ``NUMBER:HASH`` of an entry, as recorded outside earlier, or the whole line of :func:`as_told`.
                Only this reveals that an older database was put back.

        Raises:
            UsageError: ``expected`` has another form.
        """
        number, wanted = _read(expected) if expected is not None else (0, "")  # before the long part
        verdict = self._store.audit_verdict()
        if expected is None:
            return verdict
        entry = self._store.audit_entry(number) if number <= verdict.entries else None
        if entry is not None and any(_begins(each, wanted) for each in (entry.hash, entry.earlier_hash)):
            return verdict
        what = "is not the one that you recorded" if entry else "is missing, but you recorded it"
        fault = f"entry {number} {what}: the log was replaced, or an older database was put back"
        return AuditVerdict(verdict.entries, verdict.head, (*verdict.faults, fault))


def _begins(found: str, wanted: str) -> bool:
    return hmac.compare_digest(found[: len(wanted)].encode(), wanted.encode())


def _read(expected: str) -> tuple[int, str]:
    number, _, wanted = expected.strip().removeprefix(_AS_TOLD).strip().lower().partition(":")
    if not _NUMBER.fullmatch(number) or not _HASH.fullmatch(wanted):
        raise UsageError(
            f"{expected[:80]!r} is not NUMBER:HASH",
            f"Give what a command printed with the entry ({_AS_TOLD} NUMBER:HASH), or what an earlier verify "
            f"printed. {_LEAST_DIGITS} digits of the hash are enough.",
            code="audit.expected",
        )
    return int(number), wanted
