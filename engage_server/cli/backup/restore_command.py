"""``engage backup restore``."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engage_server.as_json.backups import restored_backup_json
from engage_server.cli.backup.progress import end_progress, print_progress
from engage_server.cli.output import counted, json_option, print_json, print_next, print_wrapped
from engage_server.cli.parameters import FilePath
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.records import AuditHead
from engage_server.services.access.permissions import Act
from engage_server.services.backup.archive.manifest import AuthorityKeys
from engage_server.services.backup.archive.names import Section
from engage_server.services.backup.recovery.placing import FROM_BACKUP
from engage_server.services.chains.authority import authority_key_files
from engage_server.settings_file import settings_file

if TYPE_CHECKING:
    from engage_server.composition.backups.recovery import Recovered


@click.command(
    cls=AskingCommand,
    acts=[Act.BACKUP_RESTORE],
    epilog="\b\nExamples:\n  engage backup restore engage-2026-11-27.tar.gz --kek-file /media/key/engage.kek\n"
    "  engage backup restore FILE --expect 57:9f86d081884c7d65...\n"
    "      refuse a backup that is older than this entry of the audit log\n"
    "  engage backup restore FILE --only-database\n      this host still has the files of its devices",
)
@click.argument("file", type=FilePath)
@click.option("--kek-file", type=FilePath, metavar="FILE", help="The key-encryption key. [default: that of this host]")
@click.option("--expect", metavar="NUMBER:HASH", help="An entry of the audit log that must be inside.")
@click.option("--only-database", is_flag=True, help="Leave the files of this host as they are.")
@json_option
@click.pass_obj
def restore(
    session: Session, file: Path, kek_file: Path | None, expect: str | None, only_database: bool, as_json: bool
) -> None:
    """Restore a backup into an empty place, for use.

    The place is that of the settings: no database, no files of devices, no spool. The key file, the settings and chains
    may be there. A key from --kek-file becomes the key file of this host. Settings from the backup are written beside
    those of this host, for comparison.

    What was done after the backup is lost. Alerts and messages to devices that waited are not sent. A rotation that was
    under way is paused, and a person approves each further step. Sessions end.

    If it is interrupted, nothing uses the place. Run the same command again to finish it.
    """
    from engage_server.composition.backups.recovery import RecoveryRequest, recover
    from engage_server.composition.backups.recovery_key import recovery_key

    settings = session.settings()
    key = recovery_key(settings, session.environment, kek_file)
    folder = settings_file(session.config, session.environment, session.folder)[0].parent
    request = RecoveryRequest(
        path=file,
        settings=settings,
        settings_folder=folder,
        key=key,
        kek_file=kek_file,
        expected=_head(expect) if expect is not None else None,
        only_database=only_database,
    )
    done = recover(request, session.occasion(), lambda step: _tell(step, as_json=as_json), print_progress)
    end_progress()
    if as_json:
        files = {str(section): count for section, count in done.files.items()}
        print_json(restored_backup_json(str(file), done.manifest, done.head, files, done.aftermath, done.upgraded_from))
        return
    has_keys = bool(authority_key_files(settings.certs_dir))
    with suppress(BrokenPipeError):
        _print(done, only_database=only_database, has_keys=has_keys)


def _tell(step: str, *, as_json: bool) -> None:
    """Say what was done. If nobody reads it any more, the work goes on: half a restore is of no use."""
    end_progress()
    with suppress(BrokenPipeError):
        click.echo(step, err=as_json)


def _head(text: str) -> AuditHead:
    """Read what ``engage backup verify`` and ``engage audit verify`` print."""
    number, _, found = text.strip().replace(" ", ":", 1).partition(":")
    if not number.isascii() or not number.isdigit() or not found:
        raise UsageError(
            f"--expect {text}: it is not an entry of the audit log",
            "Write its number and its hash, such as 57:9f86d0...",
        )
    return AuditHead(int(number), found)


def _print(done: "Recovered", *, only_database: bool, has_keys: bool) -> None:
    manifest = done.manifest
    click.echo(f"restored the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC, as entry {done.head}")
    for site in manifest.sites:
        click.echo(f"  site {site.site} serves release {site.release} again")
    for sentence in _notes(done, only_database=only_database, has_keys=has_keys):
        print_wrapped(f"note: {sentence}", "  ")
    print_next(
        f"{program()} audit verify, then {program()} serve",
        f"once doors have called for a night: {program()} tonight",
    )


def _notes(done: "Recovered", *, only_database: bool, has_keys: bool) -> Iterator[str]:
    """What did not come back, and what a person has to look after."""
    made, aftermath = f"{done.manifest.made_at:%Y-%m-%d %H:%M} UTC", done.aftermath
    yield f"everything done after {made} is lost. Tokens revoked since then are valid again: {program()} token list"
    if done.manifest.sites:
        yield (
            "if a newer release was activated since then, doors may trust only its anchor. Stage and activate that "
            "chain again before the next night"
        )
    if aftermath.rotations:
        paused = counted(aftermath.rotations, "rotation")
        yield f"{paused} paused for a night: what doors did since then is not known. Each step needs an approval"
    if aftermath.alerts:
        yield f"{counted(aftermath.alerts, 'alert')} that waited will not be sent"
    if aftermath.downlinks:
        yield f"{counted(aftermath.downlinks, 'message')} to KPN devices cancelled: send again what is still needed"
    if done.manifest.authority is AuthorityKeys.NONE and has_keys:
        yield "the authority's keys were not in the backup: those in certs_dir stay as they are"
    elif done.manifest.authority is AuthorityKeys.NONE:
        yield "the authority's keys were not in the backup: restore certs_dir from where they rest"
    elif not only_database:
        yield f"a file of the authority that differs from the one here lies beside it, with {FROM_BACKUP} at the end"
    if done.files[Section.SETTINGS]:
        yield f"the settings of then are beside yours, with {FROM_BACKUP} at the end: compare them"
    if not only_database:
        yield (
            f"files of devices are those of host {done.manifest.host}. Other hosts have their own backups of theirs, "
            "unless the site shares its files"
        )
