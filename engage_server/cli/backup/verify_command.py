"""``engage backup verify``."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engage_server.as_json.backups import damaged_backup_json, drill_json
from engage_server.cli.output import counted, json_option, print_json, print_next, print_wrapped
from engage_server.cli.parameters import FilePath
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import Refused, StoreVersionMismatch
from engage_server.services.access.permissions import Act

if TYPE_CHECKING:
    from engage_server.composition.backups.restoring import DrillKeys
    from engage_server.services.backup.drill import DrillReport
    from engage_server.settings import Settings

_DAMAGED, _NOT_POSSIBLE = 1, 3
_STANDARD_TLS_PORT = 443


@click.command(
    cls=AskingCommand,
    acts=[Act.BACKUP_VERIFY],
    epilog="\b\nExamples:\n  engage backup verify FILE --kek-file /media/key/engage.kek\n"
    "  engage backup verify FILE --against http://locks.example.org\n"
    "      also compare it with what that host gives to devices now",
)
@click.argument("file", type=FilePath)
@click.option("--kek-file", type=FilePath, metavar="FILE", help="The key-encryption key. [default: that of this host]")
@click.option("--links-key-file", type=FilePath, metavar="FILE", help="The key of the links. [default: as above]")
@click.option("--against", metavar="URL", help="A live host, to compare byte by byte what devices get.")
@click.option("--https-port", type=int, metavar="PORT", default=_STANDARD_TLS_PORT, help="Its TLS port. [default: 443]")
@click.option("--scratch", type=FilePath, metavar="DIR", help="Where to restore it for a moment. [default: TMPDIR]")
@json_option
@click.pass_obj
def verify(
    session: Session,
    file: Path,
    kek_file: Path | None,
    links_key_file: Path | None,
    against: str | None,
    https_port: int,
    scratch: Path | None,
    as_json: bool,
) -> int:
    """Prove that a backup can be restored: the drill.

    It restores the backup into a throw-away database, opens every sealed secret, and verifies the audit log. Then the
    serving code makes what devices would get: the same bytes as when the backup was made. This works on any machine,
    and changes nothing.

    A live host that serves another release since then is no fault: it is named. A live host with another site key is.

    Exit status 1 when something is wrong with the backup, 3 when the live host could not be asked.
    """
    from engage_server.composition.backups.restoring import drilled

    settings = session.settings()
    keys = _keys(session, settings, kek_file, links_key_file)
    place = scratch or Path(tempfile.gettempdir())
    try:
        report = drilled(file, keys, place, settings.disk_reserve_mib, (against, https_port) if against else None)
    except (Refused, StoreVersionMismatch) as error:
        if not as_json:
            raise
        print_json(damaged_backup_json(str(file), [error.sentence]))
        return error.exit_status
    if as_json:
        print_json(drill_json(str(file), report))
    else:
        _print(file, report)
    return _DAMAGED if report.faults else _NOT_POSSIBLE if report.troubles else 0


def _keys(session: Session, settings: "Settings", kek_file: Path | None, links_key_file: Path | None) -> "DrillKeys":
    from engage_server.composition.backups.restoring import read_drill_keys

    return read_drill_keys(settings, session.environment, kek_file, links_key_file)


def _print(file: Path, report: "DrillReport") -> None:
    manifest = report.manifest
    click.echo(f"made {manifest.made_at:%Y-%m-%d %H:%M} UTC on {manifest.host}, by version {manifest.product}")
    opened = ", ".join(f"{kind}: {count}" for kind, count in sorted(report.secrets.items())) or "none"
    print_wrapped(f"sealed secrets opened: {opened}", "  ")
    click.echo(f"audit log: {counted(report.entries, 'entry', 'entries')}, up to {manifest.audit_head}")
    click.echo(f"served: {counted(len(manifest.sites), 'site')}")
    if report.same:
        print_wrapped(f"the live host gives exactly the same bytes: {', '.join(report.same)}", "  ")
    for word, sentences in (("note", report.notes), ("not compared", report.troubles), ("fault", report.faults)):
        for sentence in sentences:
            print_wrapped(f"{word}: {sentence}", "  ")
    if report.faults:
        print_next(f"make a new backup: {program()} backup create FILE. Keep this one until the cause is known")
        return
    click.echo(f"{click.format_filename(file)} can be restored")
    print_next(f"keep this, for the day of a restore: --expect {manifest.audit_head}")
