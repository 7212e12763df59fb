"""The part of the store that knows the workers, and by which they hear of changes."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from time import sleep
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, text

from engage_server.records import WorkerStatus
from engage_server.store import worker_queries
from engage_server.store.engine import reading, translated_errors, writing

if TYPE_CHECKING:
    import psycopg

_CHANNEL = "engage_generation"


class SqlWorkers:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings hold."""

    _engine: Engine
    _listening: "psycopg.Connection[Any] | None"

    def say_alive(self, status: WorkerStatus) -> None:
        with writing(self._engine) as connection:
            worker_queries.upsert_worker(connection, status)

    def say_gone(self, worker: str) -> None:
        with writing(self._engine) as connection:
            worker_queries.delete_worker(connection, worker)

    def workers(self, within: timedelta) -> Sequence[WorkerStatus]:
        with reading(self._engine) as connection:
            return worker_queries.select_workers(connection, within)

    def wait_for_change(self, seconds: float) -> None:
        if self._engine.dialect.name != "postgresql":
            sleep(seconds)
            return
        import psycopg

        try:
            with translated_errors(self._engine):
                for _ in self._listener().notifies(timeout=seconds, stop_after=1):
                    return
        except psycopg.Error:  # the connection is lost: the caller looks now, and says what is wrong
            self.stop_listening()
            sleep(seconds)

    def stop_listening(self) -> None:
        """Give up the connection on which changes are heard of; the next wait opens another."""
        if self._listening is not None:
            with suppress(Exception):
                self._listening.close()
            self._listening = None

    def _listener(self) -> "psycopg.Connection[Any]":
        """A connection of its own: it waits, while others of the pool work."""
        if self._listening is None:
            import psycopg

            url = self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
            self._listening = psycopg.connect(url, autocommit=True, connect_timeout=5)
            self._listening.execute(f"LISTEN {_CHANNEL}")
        return self._listening


def notify(connection: Connection) -> None:
    """Wake all who wait for a change, when this transaction is through. Only PostgreSQL can do so."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"NOTIFY {_CHANNEL}"))
