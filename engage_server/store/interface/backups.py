"""What is known of backups that were made, and of drills."""

from collections.abc import Sequence
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
