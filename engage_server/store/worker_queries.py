"""What workers said last, inside a transaction that the caller holds."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from engage_server.records import WorkerStatus
from engage_server.store.tables import workers

_FORGOTTEN = timedelta(hours=1)


def upsert_worker(connection: Connection, status: WorkerStatus) -> None:
    """Note what a worker says, by the database's clock; and forget those that said nothing for an hour."""
    now = database_now(connection)
    values = {
        "worker": status.worker,
        "host": status.host,
        "pid": status.pid,
        "listener": status.listener,
        "generation": status.generation,
        "served": dict(status.served),
        "trouble": dict(status.trouble),
        "seen_at": now,
    }
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(workers).values(values).on_conflict_do_update(index_elements=["worker"], set_=values))
    connection.execute(delete(workers).where(workers.c.seen_at < now - _FORGOTTEN))


def delete_worker(connection: Connection, worker: str) -> None:
    """It has ended."""
    connection.execute(delete(workers).where(workers.c.worker == worker))


def select_workers(connection: Connection, within: timedelta) -> list[WorkerStatus]:
    """Those that said something within this time."""
    since = database_now(connection) - within
    rows = connection.execute(select(workers).where(workers.c.seen_at >= since).order_by(workers.c.worker))
    return [WorkerStatus(**row) for row in rows.mappings()]


def database_now(connection: Connection) -> datetime:
    """The database's own time, so that no two machines have to agree on one. SQLite's is this machine's."""
    if connection.dialect.name == "postgresql":
        now = connection.scalar(select(func.clock_timestamp()))
        assert isinstance(now, datetime)  # noqa: S101  # timestamptz
        return now.astimezone(UTC)
    return datetime.now(UTC)
