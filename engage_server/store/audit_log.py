"""The audit log: a chain of entries, each over the one before, sealed at its end.

An entry's hash is an HMAC under a key that is made from the key-encryption key. So who can write to the database, but
does not hold that key, cannot change, remove, add or move an entry without :func:`verdict` finding it; to take some
off the end they would have to know the seal that the log had when it was so short. Nothing here signs what it did not
write: who appends to a log that does not end where it was sealed leaves that seal, so that the fault stays to be
seen. Who brings back a whole older database, or the older end with its seal, is found only by somebody who noted the
number and hash of a later entry: each append tells them, see :class:`engage_server.store.sql_store.SqlStore`.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from itertools import pairwise

from sqlalchemy import Connection, Row, select, update

from engage_server.records import AuditAction, AuditEntry, AuditEvent, AuditHead, AuditVerdict
from engage_server.store.sealing import Sealer
from engage_server.store.tables import audit_events, installation

_SEALED = select(installation.c.audit_entries, installation.c.audit_seal)
_NEWEST_FIRST = audit_events.c.id.desc()


def append(connection: Connection, event: AuditEvent, sealer: Sealer) -> AuditHead:
    """Add an event as the next entry. Others that want to do so wait until this transaction is over."""
    sealed = connection.execute(_SEALED.with_for_update()).one()
    last = select_head(connection)
    is_whole = _is_sealed_end(sealed.audit_entries, sealed.audit_seal, last.number, last.hash, sealer)
    number = max(last.number, sealed.audit_entries) + 1  # both are the same in a log that is whole
    written = AuditHead(number, _hash(number, event, last.hash, sealer))
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
        _seal(connection, written.number, written.hash, sealer)
    return written


def begin(connection: Connection, sealer: Sealer) -> None:
    """Seal the empty log of a new installation."""
    _seal(connection, 0, "", sealer)


def chain_older(connection: Connection, sealer: Sealer) -> int:
    """Take the entries of a version that knew no chain into it; how many. For that version's migration alone."""
    rows = connection.execute(select(audit_events).order_by(audit_events.c.id)).all()
    last, number = "", 0
    for number, row in enumerate(rows, 1):
        entry_hash = _hash(number, _event(row), last, sealer)
        connection.execute(
            update(audit_events).where(audit_events.c.id == row.id).values(id=number, previous=last, hash=entry_hash)
        )
        last = entry_hash
    _seal(connection, number, last, sealer)
    return number


def select_head(connection: Connection) -> AuditHead:
    """The newest entry, as it stands there: number 0 in an empty log."""
    last = connection.execute(select(audit_events.c.id, audit_events.c.hash).order_by(_NEWEST_FIRST).limit(1)).first()
    return AuditHead(last.id, last.hash) if last else AuditHead(0, "")


def select_entries(connection: Connection) -> list[AuditEntry]:
    """The whole log, oldest first, as it stands there."""
    rows = connection.execute(select(audit_events).order_by(audit_events.c.id))
    return [AuditEntry(row.id, _event(row), row.previous, row.hash) for row in rows]


def verdict(connection: Connection, sealer: Sealer) -> AuditVerdict:
    """Look at every entry, and at the end."""
    try:
        entries = select_entries(connection)
        faults = list(_faults(entries, sealer))
    except (ValueError, TypeError):  # what the database's own types do not take apart
        return AuditVerdict(0, "", ("an entry was changed so that it cannot be read",))
    head = entries[-1].hash if entries else ""
    sealed = connection.execute(_SEALED).first()
    if sealed is None or not sealed.audit_seal:
        faults.append("the seal of the log's end is gone: whoever emptied it may have changed what stands before it")
    elif not _is_sealed_end(sealed.audit_entries, sealed.audit_seal, len(entries), head, sealer):
        faults.append(f"the log does not end where it ended: it holds {len(entries)} of {sealed.audit_entries} entries")
    return AuditVerdict(len(entries), head, tuple(faults))


def _is_sealed_end(count: int, seal: str, number: int, head: str, sealer: Sealer) -> bool:
    return count == number and hmac.compare_digest(seal.encode(), _end(number, head, sealer).encode())


def _faults(entries: list[AuditEntry], sealer: Sealer) -> Iterator[str]:
    for entry in entries:
        if not hmac.compare_digest(entry.hash, _hash(entry.number, entry.event, entry.previous, sealer)):
            yield f"entry {entry.number} was changed: its hash is another"
    if entries and (entries[0].number, entries[0].previous) != (1, ""):
        yield f"the log begins with entry {entries[0].number}: earlier ones were removed"
    for one, two in pairwise(entries):
        if two.number != one.number + 1:
            yield f"between entry {one.number} and {two.number} something was removed"
        elif two.previous != one.hash:
            yield f"entry {two.number} does not follow entry {one.number}: one of them was changed or put there"


def _event(row: Row[tuple[object, ...]]) -> AuditEvent:
    action = AuditAction(row.action) if row.action in list(AuditAction) else AuditAction.UNKNOWN
    return AuditEvent(
        at=row.at, actor=row.actor, action=action, site=row.site, facts=row.facts, before=row.before, reason=row.reason
    )


def _hash(number: int, event: AuditEvent, previous: str, sealer: Sealer) -> str:
    content = [
        number,
        event.at.isoformat(),
        event.actor,
        event.action.value,
        event.site,
        dict(event.facts),
        dict(event.before),
        event.reason,
        previous,
    ]
    return hmac.digest(_key(sealer), json.dumps(content, sort_keys=True).encode(), hashlib.sha256).hex()


def _end(count: int, head: str, sealer: Sealer) -> str:
    return hmac.digest(_key(sealer), f"the end: {count} {head}".encode(), hashlib.sha256).hex()


def _seal(connection: Connection, count: int, head: str, sealer: Sealer) -> None:
    values = {"audit_entries": count, "audit_seal": _end(count, head, sealer)}
    connection.execute(update(installation).values(values))


def _key(sealer: Sealer) -> bytes:
    return sealer.derived_key("audit log")
