"""``engage device``."""

import csv
import sys
from pathlib import Path
from typing import Any

import click

from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.parameters import FilePath, site_option
from engage_server.cli.session import Session, program
from engage_server.errors import FileNotUsable
from engage_server.records import Grade
from engage_server.services.device_evidence import DeviceView, read_serial_list
from engage_server.services.durable_files import read_file

_SHOWN = 50
_MAX_LIST_BYTES = 64 * 1024 * 1024
_WORDS = {
    Grade.NEVER_SEEN: "never seen",
    Grade.NOTICE: "asked for the notice",
    Grade.CERTIFICATE: "downloaded the anchor",
    Grade.HANDSHAKE: "finished TLS",
}


@click.group()
def device() -> None:
    """Devices: who took which release, who is missing since when, and what seems to be wrong with them.

    With several sites, a device that calls by a host of none of them is answered by the site that it is known in.
    """


@device.command(epilog="\b\nExample:\n  engage device add 0000000000000000A0B1000000000206 --site north")
@click.argument("serials", nargs=-1, required=True, metavar="SERIAL...")
@click.option("--site", required=True, metavar="NAME", help="The site that they belong to.")
@click.pass_obj
def add(session: Session, serials: tuple[str, ...], site: str) -> None:
    """Remember to which site devices belong: 32 hexadecimal digits each, or Base64 as they send it."""
    sites = session.operator_side().sites
    for serial in serials:
        added = sites.add_device(serial, site, session.occasion())
        click.echo(f"{added.serial} belongs to {site}")
    print_next(f"{program()} device list --site {site}")


@device.command(
    "list",
    epilog="\b\nExamples:\n  engage device list --site north\n"
    "  engage device list --release 4 --missing        who has not taken release 4, longest silent first\n"
    "  engage device list --troubled                   who loops, refuses, is silent, or asks again, and why\n"
    "  engage device list --release 4 --all --json",
)
@site_option
@click.option("--release", type=click.IntRange(min=1), metavar="N", help="How far each came with this release.")
@click.option("--missing", is_flag=True, help="Only those that have not finished TLS with it.")
@click.option("--troubled", is_flag=True, help="Only those with which something seems to be wrong.")
@click.option("--all", "shows_all", is_flag=True, help=f"More than the first {_SHOWN}.")
@json_option
@click.pass_obj
def list_devices(
    session: Session,
    site: str | None,
    release: int | None,
    missing: bool,
    troubled: bool,
    shows_all: bool,
    as_json: bool,
) -> None:
    """List the devices of a site, longest silent first.

    Without --release the current one counts. What a device proves by each grade: it asked for the notice; it downloaded
    the anchor; it finished a TLS handshake while this release's chain was the only one that it could be given.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    number = release or operator.releases.current(name)
    limit = None if shows_all else _SHOWN
    found = operator.evidence.devices(
        name, session.now(), release=number, missing=missing, troubled=troubled, limit=limit
    )
    if as_json:
        print_json([_as_json(each) for each in found])
        return
    rows = [
        (
            each.identity,
            _WORDS[each.grade] if each.grade is not None else "",
            f"{each.history.last_seen:%Y-%m-%d %H:%M}" if each.history else "never",
            "" if each.silent_nights is None else each.silent_nights,
            each.diagnosis.code if each.diagnosis else "",
        )
        for each in found
    ]
    columns = ["device", f"release {number}" if number else "release", "last seen (UTC)", "nights since", "trouble"]
    print_table(columns, rows, "no device" + (" is missing" if missing else " was seen or added yet"))
    for each in found if troubled else []:
        if each.diagnosis is not None:
            click.echo(f"{each.identity}: {each.diagnosis.cause}\n      mend: {each.diagnosis.mend}")
    if number is not None:
        grades = operator.evidence.grades(name, number)
        text = ", ".join(f"{count} {_WORDS[grade]}" for grade, count in sorted(grades.items(), reverse=True) if count)
        click.echo(f"release {number} of {name}: {text or 'no device yet'}")
    if limit is not None and len(found) == limit:
        click.echo(f"only the first {limit} are shown: --all")
    print_next(f"{program()} device show DEVICE" if rows else f"{program()} device add SERIAL --site {name}")


@device.command(epilog="\b\nExample:\n  engage device show 0000000000000000A0B1000000000206")
@click.argument("device", metavar="SERIAL")
@json_option
@click.pass_obj
def show(session: Session, device: str, as_json: bool) -> None:
    """Show what is known of one device: its habit, each release that it met, and what seems to be wrong.

    A device that never sent its serial number is known by its address.
    """
    found = session.operator_side().evidence.device(device, session.now())
    if as_json:
        print_json([_as_json(each) for each in found])
        return
    for each in found:
        _print_device(each)
    print_next(f"{program()} device list --troubled")


@device.command("import", epilog="\b\nExample:\n  engage device import doors.csv --site north")
@click.argument("file", type=FilePath)
@click.option("--site", required=True, metavar="NAME", help="The site that they belong to.")
@click.pass_obj
def import_devices(session: Session, file: Path, site: str) -> None:
    """Add the devices of a list: a serial number on each line, or in the first column of a CSV file.

    Then 'engage device list' names those that were never seen, too. All of the list is read before anything is added.
    """
    content = read_file(file, limit=_MAX_LIST_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileNotUsable(f"{file} is not text in UTF-8", "Save it as plain text or CSV.") from None
    sites = session.operator_side().sites
    added = sites.add_devices(read_serial_list(text, str(file)), site, session.occasion())
    click.echo(f"{added} device(s) added to {site}")
    print_next(f"{program()} device list --site {site}")


@device.command(
    "export", epilog="\b\nExamples:\n  engage device export --site north > north.csv\n  engage device export --json"
)
@site_option
@json_option
@click.pass_obj
def export_devices(session: Session, site: str | None, as_json: bool) -> None:
    """Write all devices of a site with what is known of them, as CSV, or as JSON."""
    operator = session.operator_side()
    name = operator.sites.get(site).name
    found = operator.evidence.devices(name, session.now(), release=operator.releases.current(name))
    if as_json:
        print_json([_as_json(each) for each in found])
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["device", "site", "grade", "first_seen", "last_seen", "nights", "finished_release", "trouble"])
    for each in found:
        known = each.history
        writer.writerow(
            [
                each.identity,
                each.site,
                each.grade.name.lower() if each.grade is not None else "",
                known.first_seen.isoformat() if known else "",
                known.last_seen.isoformat() if known else "",
                known.nights if known else 0,
                known.finished_release if known else 0,
                each.diagnosis.code if each.diagnosis else "",
            ]
        )


def _print_device(view: DeviceView) -> None:
    known = view.history
    if known is None:
        click.echo(f"{view.identity} of {view.site} was added, and never seen")
        return
    rows: list[tuple[str, object]] = [
        ("device", f"{view.identity} of {view.site}"),
        ("seen", f"on {known.nights} day(s), {known.first_seen:%Y-%m-%d} to {known.last_seen:%Y-%m-%d %H:%M} UTC"),
        ("is missed from", f"{known.due_at:%Y-%m-%d %H:%M} UTC on, by its own habit"),
        ("accepted last", f"the chain of release {known.finished_release}" if known.finished_release else "none yet"),
        (
            "since then",
            f"{known.notices} notices, {known.certificates} downloads, {known.refusals} refused handshakes",
        ),
    ]
    for number in sorted(known.releases):
        reached = known.releases[number]
        rows.append((f"release {number}", f"{_WORDS[reached.grade]} on {reached.reached_at:%Y-%m-%d %H:%M} UTC"))
    print_table(["", ""], rows, "")
    if known.is_shared_address:
        click.echo("several devices with serial numbers call from this address: it is no device of its own")
    if view.diagnosis is not None:
        click.echo(f"[{view.diagnosis.code}] {view.diagnosis.cause}\n      mend: {view.diagnosis.mend}")


def _as_json(view: DeviceView) -> dict[str, Any]:
    known = view.history
    value: dict[str, Any] = {
        "device": view.identity,
        "serial": view.serial,
        "site": view.site,
        "grade": view.grade.name.lower() if view.grade is not None else None,
        "nights_since": view.silent_nights,
        "trouble": None,
    }
    if view.diagnosis is not None:
        value["trouble"] = {
            "code": view.diagnosis.code,
            "cause": view.diagnosis.cause,
            "mend": view.diagnosis.mend,
        }
    if known is not None:
        value |= {
            "first_seen": known.first_seen.isoformat(),
            "last_seen": known.last_seen.isoformat(),
            "nights": known.nights,
            "due_at": known.due_at.isoformat(),
            "finished_release": known.finished_release or None,
            "finished_at": known.finished_at.isoformat() if known.finished_at else None,
            "fetched_release": known.fetched_release or None,
            "releases": {
                str(number): {"grade": reached.grade.name.lower(), "at": reached.reached_at.isoformat()}
                for number, reached in sorted(known.releases.items())
            },
        }
    return value
