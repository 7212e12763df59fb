"""What is known of backups that were made, and of drills."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.records import BackupRun


class BackupStore(Protocol):
    """What is known of backups that were made, and of drills."""

    def record_backup_run(self, run: BackupRun) -> None:
        """Add one. Of each step, at least the newest 400 are kept, and always the newest good one."""

    def backup_runs(self, limit: int) -> Sequence[BackupRun]:
        """Return the newest, newest first."""

    def last_good_backup_runs(self) -> Sequence[BackupRun]:
        """Return the newest good run of each step."""

    def claim_backup(self, host: str, now: datetime, due: datetime, pause: timedelta, most: int) -> bool:
        """Let one host alone make the backup that is due. Two that ask at once do not both get it.

        Args:
            host: Who asks.
            now: When.
            due: Since when it is due. A good drill since then says that it was made.
            pause: How long nobody else tries after a try. It outlasts a run, and one that a crash ended.
            most: How many tries there may be since ``due``.

        Returns:
            Whether this host makes it now.
        """
