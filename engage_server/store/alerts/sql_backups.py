"""The part of the store that knows backups and drills."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine

from engage_server.records import BackupRun
from engage_server.store.alerts import backup_queries
from engage_server.store.database.engine import reading, writing


class SqlBackups:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings apply."""

    _engine: Engine

    def record_backup_run(self, run: BackupRun) -> None:
        with writing(self._engine) as connection:
            backup_queries.insert_run(connection, run)

    def backup_runs(self, limit: int) -> Sequence[BackupRun]:
        with reading(self._engine) as connection:
            return backup_queries.select_runs(connection, limit)

    def last_good_backup_runs(self) -> Sequence[BackupRun]:
        with reading(self._engine) as connection:
            return backup_queries.select_last_good(connection)

    def claim_backup(self, host: str, now: datetime, due: datetime, pause: timedelta, most: int) -> bool:
        with writing(self._engine) as connection:
            return backup_queries.insert_claim(connection, host, now, due, pause, most)
