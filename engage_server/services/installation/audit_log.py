"""Reads the audit log, and finds out whether anybody has changed it."""

import hmac
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from engage_server.errors import UsageError
from engage_server.records import AuditEntry, AuditFilter, AuditHead, AuditVerdict, Page, every_item
from engage_server.store.interface import AuditStore, PageStore

_ALL = AuditFilter()
_AT_ONCE = 1000  # entries in memory
_AS_TOLD = "audit log: entry"
_LEAST_DIGITS = 16  # as many digits as the metric has
_HASH = re.compile(rf"[0-9a-f]{{{_LEAST_DIGITS},64}}")


def as_told(head: AuditHead) -> str:
    """The line that is written to a log outside with each entry, where no database administrator can change it."""
    return f"{_AS_TOLD} {head}"


class LogStore(AuditStore, PageStore, Protocol):
    """The part of the store that holds the log."""


class AuditLog:
    """The log of everything that operators did.

    Args:
        store: Holds the log.
    """

    def __init__(self, store: LogStore) -> None:
        self._store = store

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

    def verify(self, expected: str | None = None) -> AuditVerdict:
        """Check that each entry is as it was written, and that none is missing.

        Args:
            expected: ``NUMBER:HASH`` of an entry, as recorded outside earlier, or the whole line of :func:`as_told`.
                Only this reveals that an older database was put back.

        Raises:
            UsageError: ``expected`` has another form.
        """
        verdict = self._store.audit_verdict()
        if expected is None:
            return verdict
        number, wanted = _read(expected)
        entry = self._store.audit_entry(number) if number <= verdict.entries else None
        found = entry.hash if entry else None
        if found is not None and hmac.compare_digest(found[: len(wanted)].encode(), wanted.encode()):
            return verdict
        what = "is not the one that you recorded" if found else "is missing, but you recorded it"
        fault = f"entry {number} {what}: the log was replaced, or an older database was put back"
        return AuditVerdict(verdict.entries, verdict.head, (*verdict.faults, fault))


def _read(expected: str) -> tuple[int, str]:
    number, _, wanted = expected.strip().removeprefix(_AS_TOLD).strip().lower().partition(":")
    if not number.isdecimal() or not _HASH.fullmatch(wanted):
        raise UsageError(
            f"--expect {expected[:80]!r} is not NUMBER:HASH",
            f"Give what a command printed with the entry ({_AS_TOLD} NUMBER:HASH), or what an earlier verify "
            f"printed. {_LEAST_DIGITS} digits of the hash are enough.",
        )
    return int(number), wanted
