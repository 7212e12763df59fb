"""The part of the store that knows the workers, and that announces changes to them."""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from time import monotonic, sleep, time
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

from engage_server.records import AuditEvent, HostSpool, StoreLook, SwitchTerms, WorkerStatus
from engage_server.store.database.engine import reading, writing
from engage_server.store.keys import key_queries
from engage_server.store.queries import worker_queries
from engage_server.store.switching import switch_queries

if TYPE_CHECKING:
    from engage_server.store.database.postgresql import BoundedConnection

_CHANNEL = "engage_generation"
_ASK_LISTENER_SECONDS = 30.0
_LISTENER_SILENCE_SECONDS = 3.0  # nothing is lost if it breaks: each check asks again


class SqlWorkers:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings apply."""

    _engine: Engine
    _listening: "BoundedConnection | None"
    _ask_listener_at = 0.0

    def heartbeat(self, status: WorkerStatus) -> None:
        with writing(self._engine) as connection:
            worker_queries.upsert_worker(connection, status)

    def look(self) -> StoreLook:
        with reading(self._engine) as connection:
            generation = switch_queries.select_generation(connection)
            newest = switch_queries.select_newest(connection)
            asked_at = monotonic()  # the transaction has begun already: only this question is measured
            now = worker_queries.database_now(connection)
            answered_at, wall = monotonic(), time()
        round_trip = answered_at - asked_at
        is_own_clock = self._engine.dialect.name != "postgresql"
        return StoreLook(
            generation=generation,
            switches=newest,
            now=now,
            asked_at=asked_at + round_trip / 2,
            round_trip=round_trip,
            offset=0.0 if is_own_clock else wall - round_trip / 2 - now.timestamp(),
        )

    def prepared(self, status: WorkerStatus, terms: SwitchTerms) -> None:
        with writing(self._engine) as connection:
            worker_queries.upsert_worker(connection, status)
            if switch_queries.decide(connection, terms):
                notify(connection)

    def agree(self, terms: SwitchTerms) -> bool:
        with reading(self._engine) as connection:
            if not switch_queries.is_due(connection, terms):
                return False
        with writing(self._engine) as connection:
            is_decided = switch_queries.decide(connection, terms)
            if is_decided:
                notify(connection)
            return is_decided

    def remove_worker(self, worker: str) -> None:
        with writing(self._engine) as connection:
            worker_queries.delete_worker(connection, worker)

    def workers(self, within: timedelta) -> Sequence[WorkerStatus]:
        with reading(self._engine) as connection:
            return worker_queries.select_workers(connection, within)

    def silent_workers(self, beyond: timedelta) -> Sequence[WorkerStatus]:
        with reading(self._engine) as connection:
            return worker_queries.select_silent(connection, beyond)

    def forget_host(self, host: str, live_within: timedelta, event: AuditEvent) -> int:
        with writing(self._engine) as connection:
            forgotten = worker_queries.delete_host(connection, host, live_within)
            key_queries.forget_host(connection, host)
            self._tell(connection, event, changes_serving=False)
            return forgotten

    def report_spool(self, host: str, waiting_bytes: int, copy_behind: timedelta | None = None) -> None:
        with writing(self._engine) as connection:
            worker_queries.upsert_spool(connection, host, waiting_bytes, copy_behind)

    def spools(self) -> Sequence[HostSpool]:
        with reading(self._engine) as connection:
            return worker_queries.select_spools(connection)

    def wait_for_change(self, seconds: float) -> bool:
        if self._engine.dialect.name != "postgresql":
            sleep(seconds)
            return False
        import psycopg

        try:
            listener = self._listener()
            if monotonic() >= self._ask_listener_at:  # a broken connection would never announce anything
                self._ask_listener_at = monotonic() + _ASK_LISTENER_SECONDS
                listener.execute("SELECT 1")
            return any(True for _ in listener.notifies(timeout=seconds, stop_after=1))
        except psycopg.Error:  # the connection is lost: the caller checks now, and reports what is wrong
            self.stop_listening()
            sleep(seconds)
            return True

    def stop_listening(self) -> None:
        """Close the connection that receives changes. The next wait opens another."""
        if self._listening is not None:
            with suppress(Exception):
                self._listening.close()
            self._listening = None

    def _listener(self) -> "BoundedConnection":
        """A separate connection: it waits, while others of the pool work."""
        if self._listening is None:
            from engage_server.store.database.postgresql import connect

            self._listening = connect(self._engine)
            self._listening.silence_seconds = _LISTENER_SILENCE_SECONDS
            self._listening.execute(f"LISTEN {_CHANNEL}")
        return self._listening

    @abstractmethod
    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. The whole store implements this in one place."""


def notify(connection: Connection) -> None:
    """Wake all who wait for a change, once this transaction is committed. Only PostgreSQL supports it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {_CHANNEL}"))
