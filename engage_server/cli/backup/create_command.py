"""``engage backup create``."""

import socket
from pathlib import Path

import click

from engage_server.as_json.backups import created_backup_json
from engage_server.cli.backup.progress import end_progress, print_progress
from engage_server.cli.output import counted, json_option, print_json, print_next, print_wrapped
from engage_server.cli.parameters import FilePath
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.records import BackupRun, BackupStep
from engage_server.services.access.permissions import Act
from engage_server.services.backup.archive.manifest import AuthorityKeys
from engage_server.services.backup.creation import CreatedBackup

_MIB = 1024 * 1024
_AUTHORITY = {
    AuthorityKeys.ENCRYPTED: "the authority's private keys are inside, each encrypted with its passphrase",
    AuthorityKeys.PLAIN: "the authority's private keys are inside WITHOUT a passphrase: anyone who has this file can "
    "issue certificates that every door accepts",
}


@click.command(
    cls=AskingCommand,
    acts=[Act.BACKUP_CREATE],
    epilog="\b\nExamples:\n  engage backup create /mnt/backup/engage-2026-11-27.tar.gz\n"
    "  engage backup create --authority FILE\n      also the folder of the authority, certs_dir",
)
@click.argument("file", type=FilePath)
@click.option("--authority", is_flag=True, help="Also the authority's folder (certs_dir), with its private keys.")
@json_option
@click.pass_obj
def create(session: Session, file: Path, authority: bool, as_json: bool) -> None:
    """Write everything into one file, while everything serves.

    Inside are the database, the files and waiting uploads of devices on this host, and the settings without passwords.
    Secrets stay sealed. The key-encryption key, the key of the links and the operators' TLS key are never inside.

    The file is new, and only you can read it. If the disk runs full, nothing is left of it.
    """
    operator = session.operator_side()
    occasion = session.occasion()
    files = operator.backup_files(with_authority=authority)
    made = operator.backup_creation.create(file, files, occasion, print_progress)
    ended = session.now()
    operator.backup_runs.record_backup_run(
        BackupRun(
            BackupStep.CREATED,
            ended,
            is_good=True,
            file=file.name,
            host=socket.gethostname(),
            seconds=(ended - occasion.now).total_seconds(),
            audit_head=str(made.manifest.audit_head),
        )
    )
    if as_json:
        print_json(created_backup_json(made))
    else:
        _print(made)


def _print(made: CreatedBackup) -> None:
    end_progress()
    manifest = made.manifest
    rows, files = counted(sum(manifest.rows.values()), "row"), counted(manifest.files, "file")
    size = f"{made.bytes / _MIB:.1f} MiB" if made.bytes >= _MIB else f"{-(-made.bytes // 1024)} KiB"
    click.echo(f"wrote {click.format_filename(made.path)}: {size}, {rows}, {files}")
    if manifest.authority in _AUTHORITY:
        print_wrapped(f"warning: {_AUTHORITY[manifest.authority]}", "  ")
    print_wrapped("the key-encryption key is not inside: keep a copy of it in another place", "  ")
    print_next(
        f"{program()} backup verify {click.format_filename(made.path)}",
    )
