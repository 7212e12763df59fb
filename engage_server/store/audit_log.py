"""The audit log: a chain of entries, each with a hash over the one before, and a seal at its end.

An entry's hash is an HMAC under a key that is derived from the installation key. If a person without
that key writes to the database, :func:`verdict` finds each entry that was changed, removed, added or moved. To cut
entries off the end, they would need the seal that the log had when it was that short.

Nothing here signs what it did not write. An append to a log that does not end where it was sealed leaves that seal, so
that the fault stays visible.

One fault cannot be found from inside: that a whole older database was restored, or an older end with its seal. For
that, a person must have recorded the number and hash of a later entry. Each append reports them, see
:class:`engage_server.store.sql_store.SqlStore`.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from engage_server.records import AuditAction, AuditEntry, AuditEvent, AuditHead, AuditVerdict
from engage_server.store.sealing import DerivingKey
from engage_server.store.tables import audit_events, installation

_SEALED = select(installation.c.audit_entries, installation.c.audit_end)
_NEWEST_FIRST = audit_events.c.id.desc()
_AT_ONCE = 1000  # entries in memory while the log is checked


def append(connection: Connection, event: AuditEvent, sealer: DerivingKey) -> AuditHead:
    """Add an event as the next entry. Other appends wait until this transaction is over."""
    sealed = connection.execute(_SEALED.with_for_update()).one()
    last = select_head(connection)
    is_whole = is_sealed_end(sealed.audit_entries, sealed.audit_end, last.number, last.hash, sealer)
    number = max(last.number, sealed.audit_entries) + 1  # both are the same in a complete log
    written = AuditHead(number, hash_of(number, event, last.hash, sealer))
    connection.execute(
        audit_events.insert().values(
            id=written.number,
            at=event.at,
            actor=event.actor,
            action=event.action.value,
            site=event.site,
            facts=dict(event.facts),
            before=dict(event.before),
            reason=event.reason,
            previous=last.hash,
            hash=written.hash,
        )
    )
    if is_whole:
        seal_end(connection, written.number, written.hash, sealer)
    return written


def begin(connection: Connection, sealer: DerivingKey) -> None:
    """Seal the empty log of a new installation."""
    seal_end(connection, 0, "", sealer)


def chain_older(connection: Connection, sealer: DerivingKey) -> int:
    """Chain the entries of a version whose log was no chain. Return how many. Only for that version's migration."""
    rows = connection.execute(select(audit_events).order_by(audit_events.c.id)).all()
    last, number = "", 0
    for number, row in enumerate(rows, 1):
        entry_hash = hash_of(number, _event(row), last, sealer)
        connection.execute(
            update(audit_events).where(audit_events.c.id == row.id).values(id=number, previous=last, hash=entry_hash)
        )
        last = entry_hash
    seal_end(connection, number, last, sealer)
    return number


def select_head(connection: Connection) -> AuditHead:
    """Return the newest entry as it is stored: number 0 in an empty log."""
    last = connection.execute(select(audit_events.c.id, audit_events.c.hash).order_by(_NEWEST_FIRST).limit(1)).first()
    return AuditHead(last.id, last.hash) if last else AuditHead(0, "")


def select_entry(connection: Connection, number: int) -> AuditEntry | None:
    """Return one entry as it is stored. None if there is none of this number."""
    row = connection.execute(select(audit_events).where(audit_events.c.id == number)).first()
    return entry_of(row) if row else None


def select_newest_time(connection: Connection) -> datetime | None:
    """Return the latest time in the log, which need not be that of the last entry: hosts' clocks differ."""
    return connection.scalar(select(audit_events.c.at).order_by(audit_events.c.at.desc()).limit(1))


def entry_of(row: Row[Any]) -> AuditEntry:
    """Return the entry in a row of ``audit_events``."""
    return AuditEntry(row.id, _event(row), row.previous, row.hash, row.earlier_hash)


def verdict(connection: Connection, sealer: DerivingKey) -> AuditVerdict:
    """Check every entry, and the end. One entry at a time: a log may be longer than a process may be large."""
    every = select(audit_events).order_by(audit_events.c.id).execution_options(yield_per=_AT_ONCE)
    course = _Course(sealer)
    try:
        with connection.execute(every) as rows:  # closed even if an entry cannot be read
            for row in rows:
                course.follow(entry_of(row))
    except (ValueError, TypeError):  # a value that the database's own types cannot parse
        return AuditVerdict(0, "", ("an entry was changed so that it cannot be read",))
    faults = [*course.changed, *course.out_of_order]
    head = course.last.hash if course.last else ""
    sealed = connection.execute(_SEALED).first()
    if sealed is None or not sealed.audit_end:
        faults.append("the seal of the log's end is gone: the entries before it may have been changed, too")
    elif not is_sealed_end(sealed.audit_entries, sealed.audit_end, course.count, head, sealer):
        faults.append(f"the log does not end where it ended: it holds {course.count} of {sealed.audit_entries} entries")
    return AuditVerdict(course.count, head, tuple(faults))


class _Course:
    """What is wrong with the entries so far, and the last of them."""

    def __init__(self, sealer: DerivingKey) -> None:
        self._sealer = sealer
        self.changed: list[str] = []
        self.out_of_order: list[str] = []
        self.count = 0
        self.last: AuditEntry | None = None

    def follow(self, entry: AuditEntry) -> None:
        """Check the next entry."""
        expected = hash_of(entry.number, entry.event, entry.previous, self._sealer, entry.earlier_hash)
        if not hmac.compare_digest(entry.hash, expected):
            self.changed.append(f"entry {entry.number} was changed: its hash does not match")
        self.out_of_order.extend(_misplaced(self.last, entry))
        self.count, self.last = self.count + 1, entry


def is_sealed_end(count: int, seal: str, number: int, head: str, sealer: DerivingKey) -> bool:
    """Whether the log ends where it was sealed.

    Args:
        count: How many entries the seal's row says there are.
        seal: The seal.
        number: The number of the last entry, which is their count.
        head: The hash of the last entry.
        sealer: Made the seal.
    """
    return count == number and hmac.compare_digest(seal.encode(), _end(number, head, sealer).encode())


def _misplaced(last: AuditEntry | None, entry: AuditEntry) -> Iterator[str]:
    if last is None:
        if (entry.number, entry.previous) != (1, ""):
            yield f"the log begins with entry {entry.number}: earlier ones were removed"
    elif entry.number != last.number + 1:
        yield f"between entry {last.number} and entry {entry.number}, at least one was removed"
    elif entry.previous != last.hash:
        yield f"entry {entry.number} does not follow entry {last.number}: one of them was changed or inserted"


def _event(row: Row[tuple[object, ...]]) -> AuditEvent:
    action = AuditAction(row.action) if row.action in list(AuditAction) else AuditAction.UNKNOWN
    return AuditEvent(
        at=row.at, actor=row.actor, action=action, site=row.site, facts=row.facts, before=row.before, reason=row.reason
    )


def hash_of(number: int, event: AuditEvent, previous: str, sealer: DerivingKey, earlier_hash: str = "") -> str:
    """Return the hash of an entry.

    Args:
        number: Its number.
        event: What happened.
        previous: The hash of the entry before.
        sealer: Signs it.
        earlier_hash: The hash that it had under the key of an earlier version. "" for none.
    """
    content: list[object] = [
        number,
        event.at.isoformat(),
        event.actor,
        event.action.value,
        event.site,
        dict(event.facts),
        dict(event.before),
        event.reason,
        previous,
        *filter(None, [earlier_hash]),
    ]
    return hmac.digest(sealer.audit_key, json.dumps(content, sort_keys=True).encode(), hashlib.sha256).hex()


def _end(count: int, head: str, sealer: DerivingKey) -> str:
    return hmac.digest(sealer.audit_key, f"the end: {count} {head}".encode(), hashlib.sha256).hex()


def seal_end(connection: Connection, count: int, head: str, sealer: DerivingKey) -> None:
    """Seal the log's end."""
    values = {"audit_entries": count, "audit_end": _end(count, head, sealer)}
    connection.execute(update(installation).values(values))
