"""Announced changes, and the moment at which all workers begin to serve each. In the caller's transaction."""

from datetime import timedelta

from sqlalchemy import Connection, case, delete, func, select, update

from engage_server.records import LIVE_WITHIN, AuditAction, Switch, SwitchTerms, least_generation
from engage_server.store.queries.worker_queries import database_now
from engage_server.store.switching.decision import Readiness, moment
from engage_server.store.tables import installation, switches, workers

_NEWEST = 3
_FORGOTTEN_AFTER = timedelta(minutes=1)  # then the worker that was latest has reported by how much
_ABANDONED_AFTER = timedelta(seconds=35)  # above the longest limit: no worker was there to decide about it
_ONE_CLOCK = timedelta(seconds=1)  # one that was announced later than that was announced before the clock was set back

# These change nobody's release, so each worker serves them as soon as it has read them.
QUIET = frozenset(
    {
        AuditAction.DEVICE_ADDED,
        AuditAction.DEVICE_NAMED,
        AuditAction.DEVICE_FORGOTTEN,
        AuditAction.DEVICE_REMOVED,
        AuditAction.DEVICES_IMPORTED,
        AuditAction.RELEASE_STAGED,
        AuditAction.RELEASE_DROPPED,
    }
)


def raise_generation(connection: Connection) -> None:
    """Give the store its next generation: see :func:`engage_server.records.switch.least_generation`."""
    least = least_generation(database_now(connection))
    greater = case((installation.c.generation >= least, installation.c.generation + 1), else_=least)
    connection.execute(update(installation).values(generation=greater))


def announce(connection: Connection) -> None:
    """Announce the change that has just raised the generation.

    If an earlier change has no moment yet, this one replaces it and keeps its time of announcement. If that one has its
    moment, it keeps it: workers prepare this change after it.
    """
    now = database_now(connection)
    generation = int(connection.execute(select(installation.c.generation)).scalar_one())
    replaced = connection.execute(
        update(switches)
        .where(
            switches.c.switch_at.is_(None), switches.c.announced_at.between(now - _ABANDONED_AFTER, now + _ONE_CLOCK)
        )
        .values(generation=generation)
    ).rowcount
    connection.execute(delete(switches).where(switches.c.announced_at < now - _FORGOTTEN_AFTER))
    if not replaced:
        connection.execute(delete(switches).where(switches.c.switch_at.is_(None)))
        connection.execute(switches.insert().values(generation=generation, announced_at=now))


def select_generation(connection: Connection) -> int:
    """Return the store's generation."""
    return int(connection.scalars(select(installation.c.generation)).one())


def select_newest(connection: Connection) -> tuple[Switch, ...]:
    """Return the newest announced changes, the newest first."""
    rows = connection.execute(select(switches).order_by(switches.c.generation.desc()).limit(_NEWEST))
    return tuple(Switch(**row) for row in rows.mappings())


def is_due(connection: Connection, terms: SwitchTerms) -> bool:
    """Whether the moment of the open change can be decided. Only reads."""
    switch = _open(connection, locks=False)
    return switch is not None and moment(switch, _readiness(connection), database_now(connection), terms) is not None


def decide(connection: Connection, terms: SwitchTerms) -> bool:
    """Decide the moment of the open change, if that is possible now. Return whether this has decided it.

    The row is locked before the workers are read. Otherwise two workers that report at once would each see the other
    one as not prepared, and nobody would decide.
    """
    switch = _open(connection, locks=True)
    if switch is None:
        return False
    at = moment(switch, _readiness(connection), database_now(connection), terms)
    if at is None:
        return False
    decided = update(switches).where(switches.c.generation == switch.generation, switches.c.switch_at.is_(None))
    return bool(connection.execute(decided.values(switch_at=at)).rowcount)


def _open(connection: Connection, *, locks: bool) -> Switch | None:
    query = select(switches).where(switches.c.switch_at.is_(None)).order_by(switches.c.generation.desc()).limit(1)
    row = connection.execute(query.with_for_update() if locks else query).mappings().first()
    return None if row is None else Switch(**row)


def _readiness(connection: Connection) -> list[Readiness]:
    greater = func.max if connection.dialect.name == "sqlite" else func.greatest  # SQLite's max of two values
    since = database_now(connection) - LIVE_WITHIN
    rows = connection.execute(
        select(
            workers.c.worker,
            workers.c.listener,
            greater(workers.c.prepared, workers.c.generation).label("prepared"),
            workers.c.seen_at,
        ).where(workers.c.seen_at >= since)
    )
    return [Readiness(**row) for row in rows.mappings()]
