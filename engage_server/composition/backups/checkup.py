"""What ``engage doctor`` says of backups."""

from collections.abc import Iterator

from engage_server.services.backup.nights.standing import BackupStanding
from engage_server.services.installation.checkup import Check, Level

_NAME = "backup"
_TURN_ON = "Set backup_folder and backup_at: docs/backup.md. Or make one: engage backup create FILE"
_LOOK = "Read the log of the operators' instance. Make one now: engage backup create FILE, engage backup verify FILE"


def look_at_backups(standing: BackupStanding) -> Iterator[Check]:
    """Check how old the newest good backup and drill are.

    Args:
        standing: As it is now.
    """
    level = Level.PROBLEM if standing.needs_attention else Level.WARNING
    for fault in standing.faults:
        yield Check(_NAME, level, fault, _LOOK)
    if standing.faults:
        return
    if not standing.sentence:
        yield Check(
            _NAME, Level.WARNING, "there is no backup of this installation, and none is made at night", _TURN_ON
        )
    else:
        yield Check(_NAME, Level.OK, standing.sentence)
