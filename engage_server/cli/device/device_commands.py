"""``engage device``."""

import click

from engage_server.as_json.devices import device_json, events_json
from engage_server.cli.device.device_files_commands import export_devices, import_devices
from engage_server.cli.device.device_views import WORDS, print_device, print_events
from engage_server.cli.device.remove_command import remove_device
from engage_server.cli.failing_doors import sentence_of, strangers_of, warn_of_the_unlisted
from engage_server.cli.output import json_option, print_json, print_next, print_table, trials_mark
from engage_server.cli.parameters import Numbered, reason_option, site_option
from engage_server.cli.program import program
from engage_server.cli.session import Session

_SHOWN = 50


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
    operator = session.operator_side()
    for serial in serials:
        added = operator.sites.add_device(serial, site, session.occasion())
        click.echo(f"{added.serial} belongs to {site}")
    warn_of_the_unlisted(operator, site, session.now())
    print_next(f"{program()} device list --site {site}")


@device.command(
    "list",
    epilog="\b\nExamples:\n  engage device list --site north\n"
    "  engage device list --release 4 --missing        who has not taken release 4, longest silent first\n"
    "  engage device list --troubled                   who loops, refuses, is silent, or asks again, and why\n"
    "  engage device list --release 4 --all --json",
)
@site_option
@click.option("--release", type=Numbered, metavar="N", help="How far each came with this release.")
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
    of = operator.sites.get(site)
    name = of.name
    number = release or operator.releases.current(name)
    limit = None if shows_all else _SHOWN
    found = operator.evidence.devices(
        name, session.now(), release=number, missing=missing, troubled=troubled, limit=limit
    )
    if as_json:
        print_json([device_json(each) | {"for_trials": of.for_trials} for each in found])
        return
    rows = [
        (
            f"{each.identity}{' *' if each.is_stranger else ''}",
            WORDS[each.grade] if each.grade is not None else "",
            f"{each.history.last_seen:%Y-%m-%d %H:%M}" if each.history else "never",
            "" if each.silent_nights is None else each.silent_nights,
            each.diagnosis.code if each.diagnosis else "",
        )
        for each in found
    ]
    columns = ["device", f"release {number}" if number else "release", "last seen (UTC)", "nights since", "trouble"]
    print_table(columns, rows, _nobody(missing, troubled))
    for each in found if troubled else []:
        if each.diagnosis is not None:
            click.echo(f"{each.identity}: {each.diagnosis.cause}\n      mend: {each.diagnosis.mend}")
    if number is not None:
        grades = operator.evidence.grades(name, number)
        text = ", ".join(f"{count} {WORDS[grade]}" for grade, count in sorted(grades.items(), reverse=True) if count)
        click.echo(f"release {number} of {name}{trials_mark(of)}: {text or 'no device yet'}")
        reception = operator.held_anchors.reception(name, number, session.now())
        if reception.strangers:
            click.echo(f"{strangers_of(reception)} (*)")
        if reception.refuse:
            click.echo(f"{sentence_of(reception, 'would refuse')}")
    if limit is not None and len(found) == limit:
        click.echo(f"only the first {limit} are shown: --all")
    if rows:
        print_next(f"{program()} device show {found[0].identity}")
    else:
        is_filtered = missing or troubled
        print_next(
            f"{program()} device list --site {name}" if is_filtered else f"{program()} device add SERIAL --site {name}"
        )


@device.command(epilog="\b\nExample:\n  engage device show 0000000000000000A0B1000000000206")
@click.argument("device", metavar="SERIAL")
@json_option
@click.pass_obj
def show(session: Session, device: str, as_json: bool) -> None:
    """Show what is known of one device: its habit, each release that it met, and what seems to be wrong.

    A device that never sent its serial number is known by its address. Where it calls in here, the latest events of its
    audits are told, too; those that went to an upstream system are there.
    """
    operator = session.operator_side()
    found = operator.evidence.device(device, session.now())
    events = {each.site: operator.devices.events(each.site, each.serial) for each in found if each.serial}
    if as_json:
        print_json([device_json(each) | {"events": events_json(events.get(each.site, []))} for each in found])
        return
    for each in found:
        print_device(each)
        print_events(events.get(each.site, []))
    print_next(f"{program()} device list --troubled")


@device.command(
    epilog="\b\nExamples:\n  engage device forget 192.0.2.77 --reason 'a port scan'\n"
    "  engage device forget 0000000000000000A0B1000000000206 --site north --reason 'door removed'"
)
@click.argument("device", metavar="SERIAL")
@click.option("--site", metavar="NAME", help="Only in this site. [default: in every site]")
@reason_option
@json_option
@click.pass_obj
def forget(session: Session, device: str, site: str | None, reason: str, as_json: bool) -> None:
    """Forget a device that is gone, or was never one: its history, its releases and its addresses.

    SERIAL is a serial number or an address. If the device calls again, it is a new one. Lists of serial numbers and the
    files of the device stay: engage device remove takes these out, too.
    """
    sites = session.operator_side().evidence.forget(device, site, reason, session.occasion())
    if as_json:
        print_json({"device": device, "sites": list(sites)})
        return
    click.echo(f"forgot {device} in {', '.join(sites)}")
    print_next(f"{program()} device list --site {sites[0]}")


device.add_command(import_devices)
device.add_command(export_devices)
device.add_command(remove_device)


def _nobody(missing: bool, troubled: bool) -> str:
    """What an empty list says."""
    if troubled:
        return "no device seems to be in trouble"
    return "no device is missing" if missing else "no device was seen or added yet"
