"""``engage backup``."""

import click

from engage_server.cli.groups import LazyGroup

_LINES = {
    "create": "Write everything into one file, while everything serves.",
    "verify": "Prove that a backup can be restored: the drill.",
    "restore": "Restore a backup into an empty place, for use.",
}


class BackupGroup(LazyGroup):
    """Its commands, with the first line of their help in the table."""

    def line_of_help(self, name: str) -> str | None:
        """The first line of a command's help."""
        return _LINES.get(name)


@click.group(
    cls=BackupGroup,
    table={
        "create": ("backup.create_command", "create"),
        "verify": ("backup.verify_command", "verify"),
        "restore": ("backup.restore_command", "restore"),
    },
)
def backup() -> None:
    """Backups: make one, prove that it can be restored, and restore it.

    A backup is one file. Secrets in it stay sealed, and the key that opens them is never inside: keep a copy of the
    key-encryption key in another place. The settings backup_folder and backup_at do all of this every night.
    """
