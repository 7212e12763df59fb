"""What is known of backups and drills, and which host makes the next one. In the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, func, select

from engage_server.records import BackupRun, BackupStep
from engage_server.store.alerts.tables import backup_runs
from engage_server.store.tables import installation

KEPT = 400  # runs of each step: more than a year of nights
_BEGUN = "begun"  # the row of a host that makes a backup now, or that ended in the middle
_NEWEST_FIRST = (backup_runs.c.at.desc(), backup_runs.c.number.desc())


def insert_run(connection: Connection, run: BackupRun) -> None:
    """Add a run, and forget old ones."""
    _insert(connection, run.step.value, run)
    _forget_old(connection, run.step.value)


def select_runs(connection: Connection, limit: int) -> Sequence[BackupRun]:
    """Return the newest, newest first."""
    runs = select(backup_runs).where(backup_runs.c.step != _BEGUN).order_by(*_NEWEST_FIRST).limit(limit)
    return [_run(row) for row in connection.execute(runs)]


def select_last_good(connection: Connection) -> Sequence[BackupRun]:
    """Return the newest good run of each step."""
    rows = (
        connection.execute(
            select(backup_runs)
            .where(backup_runs.c.step == step.value, backup_runs.c.is_good)
            .order_by(*_NEWEST_FIRST)
            .limit(1)
        ).first()
        for step in BackupStep
    )
    return [_run(row) for row in rows if row is not None]


def insert_claim(connection: Connection, host: str, now: datetime, due: datetime, pause: timedelta, most: int) -> bool:
    """Let this host make the backup that is due, unless it was made, or another host tries now.

    Until the transaction ends, no other host decides the same.
    """
    connection.execute(select(installation.c.id).with_for_update())
    column = backup_runs.c
    since = select(func.count()).select_from(backup_runs).where(column.at >= due)
    is_made = connection.scalar(since.where(column.step == BackupStep.DRILLED.value, column.is_good))
    tries = connection.scalar(since.where(column.step == _BEGUN)) or 0
    recent = connection.scalar(since.where(column.step == _BEGUN, column.at > now - pause))
    if is_made or recent or tries >= most:
        return False
    _insert(connection, _BEGUN, BackupRun(BackupStep.CREATED, now, False, "", host, 0.0))
    _forget_old(connection, _BEGUN)
    return True


def _insert(connection: Connection, step: str, run: BackupRun) -> None:
    connection.execute(
        backup_runs.insert().values(
            step=step,
            at=run.at,
            is_good=run.is_good,
            file=run.file[:255],
            host=run.host[:255],
            seconds=run.seconds,
            why=run.why,
            audit_head=run.audit_head,
        )
    )


def _forget_old(connection: Connection, step: str) -> None:
    of_step = select(backup_runs.c.number).where(backup_runs.c.step == step).order_by(*_NEWEST_FIRST)
    good = of_step.where(backup_runs.c.is_good).limit(1)
    kept = {*connection.scalars(of_step.limit(KEPT)), *connection.scalars(good)}
    connection.execute(delete(backup_runs).where(backup_runs.c.step == step, backup_runs.c.number.not_in(kept)))


def _run(row: Row[tuple[object, ...]]) -> BackupRun:
    return BackupRun(
        step=BackupStep(row.step),
        at=row.at,
        is_good=row.is_good,
        file=row.file,
        host=row.host,
        seconds=row.seconds,
        why=row.why,
        audit_head=row.audit_head,
    )
