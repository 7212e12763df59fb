"""Signs the audit log with another key, once: when a database gets its installation key.

Nothing here makes a fault look sound. An entry whose hash does not hold under the key of before keeps that hash, which
holds under no key. An entry that did not follow the one before it does not follow it afterwards. An end that was not
sealed stays unsealed. The hash of before stays beside each entry, signed with it: so notes of that time can be checked.
"""

import hmac
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from engage_server.records import AuditHead
from engage_server.store import audit_log
from engage_server.store.sealing import DerivingKey
from engage_server.store.tables import audit_events, installation

_AT_ONCE = 1000  # entries in memory: a log may be longer than a process may be large


class _Signing:
    """What is known of the entry before: its hash under the key of before, and what it has now."""

    def __init__(self, before: DerivingKey, now: DerivingKey) -> None:
        self._before, self._now = before, now
        self.count = 0
        self.last = AuditHead(0, "")
        self._last_new = ""

    @property
    def last_new(self) -> AuditHead:
        """The last entry as it is signed now."""
        return AuditHead(self.last.number, self._last_new)

    def again(self, row: Row[Any]) -> dict[str, object]:
        """Return what changes in an entry."""
        entry = audit_log.entry_of(row)
        follows = entry.previous == self.last.hash
        previous = self._last_new if follows else entry.previous
        expected = audit_log.hash_of(entry.number, entry.event, entry.previous, self._before)
        new = entry.hash
        if hmac.compare_digest(entry.hash.encode(), expected.encode()):
            new = audit_log.hash_of(entry.number, entry.event, previous, self._now, entry.hash)
        self.count, self.last, self._last_new = self.count + 1, AuditHead(entry.number, entry.hash), new
        return {"of": entry.number, "previous": previous, "hash": new, "earlier_hash": entry.hash}


def sign_again(connection: Connection, before: DerivingKey, now: DerivingKey) -> tuple[AuditHead, AuditHead]:
    """Sign every entry and the end again. Return the last entry as it was signed before, and as it is signed now.

    A log with an entry that cannot be read is left as it is: it stays faulty under any key.
    """
    signing = _Signing(before, now)
    try:
        while rows := _after(connection, signing):
            connection.execute(_CHANGE, [signing.again(row) for row in rows])
    except (ValueError, TypeError):  # a value that the database's own types cannot parse
        return signing.last, signing.last_new
    sealed = connection.execute(select(installation.c.audit_entries, installation.c.audit_end)).one()
    if audit_log.is_sealed_end(sealed.audit_entries, sealed.audit_end, signing.count, signing.last.hash, before):
        audit_log.seal_end(connection, signing.count, signing.last_new.hash, now)
    return signing.last, signing.last_new


_CHANGE = (
    update(audit_events)
    .where(audit_events.c.id == bindparam("of"))
    .values(previous=bindparam("previous"), hash=bindparam("hash"), earlier_hash=bindparam("earlier_hash"))
)


def _after(connection: Connection, signing: _Signing) -> Sequence[Row[Any]]:
    page = select(audit_events).order_by(audit_events.c.id).limit(_AT_ONCE)
    if signing.count:
        page = page.where(audit_events.c.id > signing.last.number)
    return connection.execute(page).all()
