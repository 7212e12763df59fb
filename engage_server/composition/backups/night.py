"""Builds what makes the nightly backup, in a process for nothing else."""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from engage_server.composition.backups.making import host_files
from engage_server.composition.backups.restoring import drilled, read_drill_keys
from engage_server.composition.operator_side import OperatorSide
from engage_server.errors import SettingsInvalid
from engage_server.records import Occasion
from engage_server.services.backup.creation import CreatedBackup
from engage_server.services.backup.drill import DrillReport
from engage_server.services.backup.nights.nightly import NightlyWork
from engage_server.settings import Settings


def nightly_work(side: OperatorSide, settings: Settings, environment: Mapping[str, str]) -> NightlyWork:
    """Return the work of one night.

    Args:
        side: The services.
        settings: The settings, which name a folder for backups.
        environment: For the key-encryption key.

    Raises:
        SettingsInvalid: They name no folder. Or there is no key-encryption key.
    """
    folder = settings.backup_folder
    if folder is None:
        raise SettingsInvalid("backup_folder is not set", "Set it to the folder of the nightly backups.")

    def create(path: Path, occasion: Occasion) -> CreatedBackup:
        return side.backup_creation.create(
            path, host_files(settings, with_authority=settings.backup_authority), occasion
        )

    def verify(path: Path) -> DrillReport:
        keys = read_drill_keys(settings, environment, None, None)
        return drilled(path, keys, folder, settings.disk_reserve_mib)

    return NightlyWork(
        store=side.backup_runs,
        folder=folder,
        keep=settings.backup_keep,
        host=socket.gethostname(),
        create=create,
        verify=verify,
        clock=lambda: datetime.now(UTC),
    )
