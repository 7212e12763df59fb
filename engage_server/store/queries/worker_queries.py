"""The last reports of workers. In the caller's transaction.

A worker's row stays until one of these happens:

* It signs off.
* Its host has another living worker of the same listener in its place.
* An operator forgets the host.

A worker that did not sign off may be cut off, and still serve devices.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from engage_server.errors import Conflict, NotFound
from engage_server.records import HostSpool, WorkerStatus
from engage_server.store.database.dialects import insert_into
from engage_server.store.tables import host_spools, workers

_REPLACED_AFTER = timedelta(seconds=30)  # a living one reports every 5 s, and after a lost connection within 25 s


def upsert_worker(connection: Connection, status: WorkerStatus) -> None:
    """Record what a worker reports, at the database's time. Remove the silent workers whose place it has taken."""
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
        "prepared": status.prepared,
        "switched_at": status.switched_at,
        "late_seconds": status.late_seconds,
        "clock_offset": status.clock_offset,
    }
    insert = insert_into(connection.dialect.name, workers).values(values)
    connection.execute(insert.on_conflict_do_update(index_elements=["worker"], set_=values))
    # A row that another transaction holds is of a worker that reports just now. To wait for it could be a deadlock:
    # after an outage of the database, all workers report at once, and each finds the others silent.
    replaced = (
        select(workers.c.worker)
        .where(
            workers.c.host == status.host,
            workers.c.listener == status.listener,
            workers.c.seen_at < now - _REPLACED_AFTER,
        )
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(workers).where(workers.c.worker.in_(replaced)))


def delete_worker(connection: Connection, worker: str) -> None:
    """Remove a worker that has ended."""
    connection.execute(delete(workers).where(workers.c.worker == worker))


def delete_host(connection: Connection, host: str, live_within: timedelta) -> int:
    """Remove all workers of a host. Return how many there were.

    Raises:
        NotFound: No worker of the host is known, and nothing that waits on its disk.
        Conflict: One of them is alive.
    """
    seen = connection.scalars(select(workers.c.seen_at).where(workers.c.host == host)).all()
    spooled = connection.scalar(select(host_spools.c.waiting_bytes).where(host_spools.c.host == host))
    if not seen and not spooled:
        raise NotFound(f"no host {host!r} is known", "See the known ones: engage host list", code="host.not_found")
    if seen and max(seen) >= database_now(connection) - live_within:
        raise Conflict(
            f"host {host!r} is alive: it reported at {max(seen):%H:%M:%S} UTC",
            "Stop 'engage serve' there: a host that stops signs off, and need not be forgotten.",
            code="host.alive",
        )
    connection.execute(delete(workers).where(workers.c.host == host))
    connection.execute(delete(host_spools).where(host_spools.c.host == host))
    return len(seen)


def select_workers(connection: Connection, within: timedelta) -> list[WorkerStatus]:
    """Return the workers that reported within this time."""
    since = database_now(connection) - within
    rows = connection.execute(select(workers).where(workers.c.seen_at >= since).order_by(workers.c.worker))
    return [WorkerStatus(**row) for row in rows.mappings()]


def select_silent(connection: Connection, beyond: timedelta) -> list[WorkerStatus]:
    """Return the workers that have been silent for longer, and have not signed off."""
    since = database_now(connection) - beyond
    rows = connection.execute(select(workers).where(workers.c.seen_at < since).order_by(workers.c.worker))
    return [WorkerStatus(**row) for row in rows.mappings()]


def upsert_spool(connection: Connection, host: str, waiting_bytes: int, copy_behind: timedelta | None = None) -> None:
    """Record how much waits on a host, at the database's time."""
    now = database_now(connection)
    since = None if copy_behind is None else now - copy_behind
    values = {"host": host, "waiting_bytes": waiting_bytes, "said_at": now, "copy_behind_since": since}
    insert = insert_into(connection.dialect.name, host_spools).values(values)
    connection.execute(insert.on_conflict_do_update(index_elements=["host"], set_=values))


def select_spools(connection: Connection) -> list[HostSpool]:
    """Return what each host last said about what waits there."""
    rows = connection.execute(select(host_spools).order_by(host_spools.c.host))
    return [HostSpool(**row) for row in rows.mappings()]


def database_now(connection: Connection) -> datetime:
    """Return the database's time, so that no two machines have to agree on it. SQLite's is this machine's."""
    if connection.dialect.name == "postgresql":
        now = connection.scalar(select(func.clock_timestamp()))
        assert isinstance(now, datetime)  # noqa: S101  # timestamptz
        return now.astimezone(UTC)
    return datetime.now(UTC)
