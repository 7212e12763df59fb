"""The part of the store that knows where alerts go, and what waits to be sent."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from engage_server.records import AlertMark, AuditEvent, OutboxEntry, OutboxFigures, OutboxState, Recipient, Secret
from engage_server.store.alerts import mark_queries, outbox_queries, recipient_queries
from engage_server.store.database.engine import reading, writing
from engage_server.store.queries.worker_queries import database_now
from engage_server.store.sealing import Sealer


class _MovedOn(Exception):
    """Somebody else changed a mark."""


class SqlAlerts:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings apply."""

    _engine: Engine

    def recipients(self) -> Sequence[Recipient]:
        with reading(self._engine) as connection:
            return recipient_queries.select_recipients(connection)

    def add_recipient(self, recipient: Recipient, secret: Secret | None, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            recipient_queries.insert_recipient(connection, recipient, secret, self._opened())
            self._tell(connection, event, changes_serving=False)

    def remove_recipient(self, name: str, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            recipient_queries.delete_recipient(connection, name)
            self._tell(connection, event, changes_serving=False)

    def recipient_secret(self, name: str) -> Secret | None:
        with reading(self._engine) as connection:
            sealed = recipient_queries.sealed_secret(connection, name)
        return None if sealed is None else self._opened().open(sealed, recipient_queries.key_purpose(name))

    def switch_recipient_off(self, name: str, at: datetime, why: str) -> bool:
        with writing(self._engine) as connection:
            is_done = recipient_queries.switch_off(connection, name, at, why)
            if is_done:
                outbox_queries.give_up(connection, name, why)
            return is_done

    def switch_recipient_on(self, name: str) -> bool:
        with writing(self._engine) as connection:
            return recipient_queries.switch_on(connection, name)

    def alert_marks(self) -> Sequence[AlertMark]:
        with reading(self._engine) as connection:
            return mark_queries.select_marks(connection)

    def put_in_outbox(self, entries: Sequence[OutboxEntry], marks: Sequence[AlertMark] = ()) -> bool:
        try:
            with writing(self._engine) as connection:
                if not all(mark_queries.exchange(connection, each) for each in marks):
                    raise _MovedOn
                outbox_queries.insert_entries(connection, entries)
        except _MovedOn:
            return False
        return True

    def due_recipients(self) -> Sequence[str]:
        with reading(self._engine) as connection:
            return outbox_queries.select_due_recipients(connection)

    def claim_from_outbox(
        self, holder: str, seconds: float, limit: int, recipient: str | None = None
    ) -> Sequence[OutboxEntry]:
        with reading(self._engine) as connection:  # mostly there is nothing: then no lock is taken
            if not outbox_queries.has_due(connection):
                return []
        with writing(self._engine) as connection:
            return outbox_queries.claim(connection, holder, seconds, limit, recipient)

    def hand_over_in_outbox(self, entry: OutboxEntry, seconds: float) -> OutboxEntry | None:
        with writing(self._engine) as connection:
            is_mine = outbox_queries.hand_over(connection, entry, seconds)
        return replace(entry, state=OutboxState.HANDED_OVER, version=entry.version + 1) if is_mine else None

    def end_in_outbox(self, entry: OutboxEntry, pause: float = 0.0) -> bool:
        with writing(self._engine) as connection:
            return outbox_queries.end(connection, entry, pause)

    def outbox(self, limit: int, *, only_waiting: bool = False) -> Sequence[OutboxEntry]:
        with reading(self._engine) as connection:
            return outbox_queries.select_entries(connection, limit, only_waiting=only_waiting)

    def outbox_clock(self) -> datetime:
        with reading(self._engine) as connection:
            return database_now(connection)

    def outbox_figures(self) -> OutboxFigures:
        with reading(self._engine) as connection:
            return outbox_queries.select_figures(connection)

    def forget_old_in_outbox(self, before: datetime) -> int:
        with writing(self._engine) as connection:
            return outbox_queries.delete_old(connection, before)

    @abstractmethod
    def _opened(self) -> Sealer:
        """The key that opens secrets. The whole store implements this in one place."""

    @abstractmethod
    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. The whole store implements this in one place."""
