"""``engage device import`` and ``engage device export``: devices' files, and lists of devices."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engage_server.as_json.devices import device_json
from engage_server.cli.failing_doors import warn_of_the_unlisted
from engage_server.cli.output import counted, json_option, print_json, print_json_list, print_next
from engage_server.cli.parameters import FilePath, site_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import FileNotUsable, UsageError
from engage_server.files import read_file
from engage_server.records import CallInWay, Site
from engage_server.services.access.permissions import Act
from engage_server.services.device_files.finding import FOR_DEVICES, FoundFiles, find_device_files
from engage_server.services.doors.csv_list import csv_parts
from engage_server.services.sites.device_list import DeviceList, read_device_list, text_of_list
from engage_server.services.sites.serials import read_serial
from engage_server.shown_text import without_controls

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide

_MAX_LIST_BYTES = 64 * 1024 * 1024
_FAULTS_SHOWN = 20


@click.command(
    "import",
    cls=AskingCommand,
    acts=[Act.DEVICE_ADD, Act.DEVICE_FILES_PUT],
    epilog="\b\nExamples:\n"
    "  engage device import doors.csv --site north\n"
    "      serial numbers and names: the devices that belong to it\n"
    "  engage device import Engage_Data --site north\n      databases, configurations, audits of many devices\n"
    "  engage device import 0000000000000000A0B1000000000206/database.json --site north\n"
    "  engage device import Engage_Data --site north --shared",
)
@click.argument("path", type=FilePath)
@click.option("--shared", is_flag=True, help="Put files into the database, for a site that will share them.")
@site_option
@json_option
@click.pass_obj
def import_devices(session: Session, path: Path, shared: bool, site: str | None, as_json: bool) -> None:
    """Import a list of devices, or their JSON files.

    A list has a serial number on each line, or in the first column of a CSV file. Commas, semicolons and tabs may
    separate the columns. With a heading, such as "serial,name,place", the columns may be in any order, and names and
    places are imported too. An empty cell leaves what is there.

    JSON files are searched for in a folder. A file names its device in its name, in its folder's name, or inside as
    serialNumber. A database replaces the one before. Audits and alerts are added to those that were collected.

    Everything is read and checked before anything is changed. Devices that were on no list are put on the site's list.

    Files go into the folders of this host. For a site whose files are shared by all hosts, they go into the database.
    With --shared, they go there before the site is switched: see engage site call-in.
    """
    is_list = path.is_file() and path.suffix.lower() != ".json"
    found = FoundFiles() if is_list else find_device_files(path)
    if found.faults:
        raise UsageError(
            "not all can be imported:",
            "Fix or move these files. Nothing was changed.",
            code="device_files.not_usable",
            rows=_rows(found.faults),
        )
    listed = _read_list(path) if is_list else DeviceList(found.serials)
    serials = listed.serials
    operator = session.operator_side()
    of_site = operator.sites.get(site)
    name = of_site.name
    with _progress(len(serials), is_quiet=is_list or as_json) as one_more:
        importing = operator.import_into_database if shared else operator.device_import
        changed = importing.run(name, serials, found.files, session.occasion(), one_more, labels=listed.labels)
    _warn_of_unused(of_site, found, shared=shared)
    warn_of_the_unlisted(operator, name, session.now())
    if as_json:
        counts = {"devices": len(serials), "files": len(found.files), "named": changed.named}
        print_json({"site": name, "added": changed.added, **counts})
        return
    if is_list or changed.added:
        click.echo(f"{counted(changed.added, 'device')} added to {name}")
    if changed.named:
        click.echo(f"{counted(changed.named, 'device')} named")
    if found.files:
        click.echo(f"imported {counted(len(found.files), 'file')} of {counted(len(serials), 'device')}")
    print_next(f"{program()} device list --site {name}")


@click.command(
    "export",
    cls=AskingCommand,
    acts=[Act.DEVICE_SEE, Act.DEVICE_FILES_SEE],
    epilog="\b\nExamples:\n  engage device export --site north > north.csv\n      what is known of each device\n"
    "  engage device export --json\n"
    "  engage device export --site north --to backup\n      the JSON files of all devices\n"
    "  engage device export --to one --device 0000000000000000A0B1000000000206",
)
@site_option
@click.option("--to", "target", type=FilePath, metavar="DIR", help="Write the JSON files of devices below this folder.")
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="SERIAL",
    shell_complete=completions.devices,
    help="Only the files of this device. Repeat it for each.",
)
@json_option
@click.pass_obj
def export_devices(
    session: Session, site: str | None, target: Path | None, devices: tuple[str, ...], as_json: bool
) -> None:
    """Export the devices of a site, or with --to their JSON files.

    Without --to, standard output gets what is known of each device, as CSV or JSON. Files go into DIR/SERIAL/, and
    'engage device import DIR' imports them again.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    if target is not None:
        _export_files(operator, name, target, devices, as_json=as_json)
        return
    if devices:
        raise UsageError("--device is for files", "Give --to DIR with it, or use: engage device show SERIAL.")
    now = session.now()
    wanted = operator.evidence.filter(name, now, release=operator.releases.current(name))
    found = operator.evidence.every(name, now, wanted)
    if as_json:
        print_json_list(device_json(each) for each in found)
    else:
        for part in csv_parts(found):
            sys.stdout.write(part)


def _export_files(operator: "OperatorSide", site: str, target: Path, devices: Sequence[str], *, as_json: bool) -> None:
    present = operator.devices.serials(site)
    wanted = [read_serial(each) for each in devices] or present
    missing = sorted(set(wanted) - set(present))
    if missing:
        raise UsageError(f"there are no files of {missing[0]}", f"Devices of {site} that have files: {len(present)}.")
    faults = list[str]()
    with _progress(len(wanted), is_quiet=as_json) as one_more:
        operator.devices.take_out(site, wanted, target, faults, one_more)
    if as_json:
        print_json({"site": site, "devices": len(wanted), "folder": str(target), "unreadable": faults})
    else:
        click.echo(f"wrote the files of {counted(len(wanted), 'device')} below {target}")
    if faults:
        raise FileNotUsable(
            f"{counted(len(faults), 'file')} cannot be read (copied as NAME.unreadable):",
            "Fix them here, or restore them from a backup. All others were written.",
            rows=_rows(faults),
        )
    if as_json:
        return
    print_next(f"{program()} device import {target} --site {site}")


def _warn_of_unused(site: Site, found: FoundFiles, *, shared: bool) -> None:
    """Files for devices reach nobody while something else answers."""
    if not any(each.kind in FOR_DEVICES for each in found.files):
        return
    if shared and site.call_in.way is not CallInWay.SHARED:
        click.echo(
            f"warning: the files are in the database, and devices of {site.name} get none of them until: "
            f"{program()} site call-in {site.name} --shared",
            err=True,
        )
    elif site.call_in.way is CallInWay.UPSTREAM:
        click.echo(
            f"warning: the upstream system of {site.name} answers its devices, so no database or configuration here "
            f"is used until: {program()} site call-in {site.name} --files",
            err=True,
        )


def _rows(faults: Sequence[str]) -> list[str]:
    """The first faults, and how many more there are."""
    rest = len(faults) - _FAULTS_SHOWN
    return [f"  {each}" for each in (*faults[:_FAULTS_SHOWN], *([f"and {rest} more"] if rest > 0 else []))]


@contextmanager
def _progress(total: int, *, is_quiet: bool) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal. The function is called after each device."""
    hidden = is_quiet or not sys.stderr.isatty()
    with click.progressbar(length=total, label="devices", file=sys.stderr, hidden=hidden) as bar:
        yield lambda serial: bar.update(1)


def _read_list(file: Path) -> DeviceList:
    text = text_of_list(read_file(file, limit=_MAX_LIST_BYTES))
    if text is None:
        raise FileNotUsable(f"{file} is not text in UTF-8", "Save it as plain text or CSV in UTF-8.")
    found = read_device_list(text, str(file))
    if found.unused:
        click.echo(
            f"these columns of {file.name} are not read: {', '.join(map(without_controls, found.unused))}", err=True
        )
    return found
