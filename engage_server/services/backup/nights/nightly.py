"""One night's work: make a backup, do the drill with it, and remove old ones. Runs in a process for nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engage_server.errors import EngageError, FileNotUsable
from engage_server.files import make_folder
from engage_server.records import BackupRun, BackupStep, Occasion
from engage_server.services.backup.creation import CreatedBackup
from engage_server.services.backup.drill import DrillReport
from engage_server.services.backup.nights.kept import FAILED, nightly_name, remove_superfluous
from engage_server.store.interface import BackupStore

_RUNS = 800


@dataclass(frozen=True, slots=True)
class NightlyWork:
    """What the work needs.

    Attributes:
        store: Where the results go.
        folder: Where the backups are.
        keep: How many good ones stay.
        host: The name of this host.
        create: Makes a backup in a new file.
        verify: Does the drill with it.
        clock: Returns the time; aware, UTC.
    """

    store: BackupStore
    folder: Path
    keep: int
    host: str
    create: Callable[[Path, Occasion], CreatedBackup]
    verify: Callable[[Path], DrillReport]
    clock: Callable[[], datetime]

    def run(self, actor: str) -> str:
        """Do it all, and record how it ended.

        Args:
            actor: Who is recorded in the audit log.

        Returns:
            What failed, in one sentence. "" if everything is good.

        Raises:
            StoreNotUsable: The result cannot be recorded.
        """
        begun = self.clock()
        path = self.folder / nightly_name(self.host, begun)
        try:
            self._make_folder()
            made = self.create(path, Occasion(actor, begun))
        except EngageError as error:
            return self._record(BackupStep.CREATED, path, begun, str(error))
        head = str(made.manifest.audit_head)
        self._record(BackupStep.CREATED, path, begun, "", head)
        drill_begun = self.clock()
        why = self._drilled(path)
        self._record(BackupStep.DRILLED, path, drill_begun, why, head)
        if why:
            path.rename(path.with_name(path.name + FAILED))
        self._make_room()
        return why

    def _make_folder(self) -> None:
        """Make the folder, but none above it: on a disk that is not mounted, backups would fill the system's disk.

        Raises:
            FileNotUsable: The folder above it is missing.
        """
        above = self.folder.parent
        if not above.is_dir():
            raise FileNotUsable(
                f"{self.folder} cannot be made: {above} does not exist",
                f"Mount the disk of the backups, or make the folder: mkdir -p {above}",
                code="backup.folder_missing",
            )
        make_folder(self.folder)

    def _drilled(self, path: Path) -> str:
        try:
            report = self.verify(path)
        except EngageError as error:
            return error.sentence
        return "; ".join(report.faults)

    def _record(self, step: BackupStep, path: Path, begun: datetime, why: str, head: str = "") -> str:
        ended = self.clock()
        seconds = (ended - begun).total_seconds()
        self.store.record_backup_run(
            BackupRun(step, ended, not why, path.name, self.host, seconds, why=why, audit_head=head)
        )
        return why

    def _make_room(self) -> None:
        runs = self.store.backup_runs(_RUNS)
        good = {each.file for each in runs if each.step is BackupStep.DRILLED and each.is_good}
        try:
            remove_superfluous(self.folder, good, self.keep)
        except OSError as error:
            raise FileNotUsable(
                f"{self.folder}: an old backup cannot be removed: {error.strerror or error}",
                "Check the owner of the folder.",
            ) from None
