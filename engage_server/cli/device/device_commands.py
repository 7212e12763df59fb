"""``engage device``."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from engage_server.as_json.devices import known_device_json
from engage_server.cli.device.device_files_commands import export_devices, import_devices
from engage_server.cli.device.device_views import print_device, print_events, print_given, print_held, print_timeline
from engage_server.cli.device.list_command import list_devices
from engage_server.cli.device.name_command import name_device, name_option, place_option
from engage_server.cli.device.remove_command import remove_device
from engage_server.cli.failing_doors import print_faults, warn_of_the_unlisted
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import site_option
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import UsageError
from engage_server.records import door_title
from engage_server.services.access.permissions import Act
from engage_server.services.device_files.fault_journal import CallFault
from engage_server.services.evidence.device_view import DeviceView
from engage_server.services.sites.naming import read_device_label

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide

_LINES = 10  # of the timeline


@click.group(
    cls=OrderedGroup,
    order=(
        "list",
        "show",
        "add",
        "name",
        "import",
        "export",
        "forget",
        "remove",
    ),
)
def device() -> None:
    """Devices: which release each has, which are missing, and why.

    With several sites, a device may call a host name that belongs to none of them. The site that knows the device then
    answers it.
    """


@device.command(
    acts=[Act.DEVICE_ADD],
    epilog="\b\nExamples:\n  engage device add 0000000000000000A0B1000000000206 --site north\n"
    "  engage device add 0000000000000000A0B1000000000206 --name 'North entrance'",
)
@click.argument("serials", nargs=-1, required=True, metavar="SERIAL...")
@site_option
@name_option
@place_option
@json_option
@click.pass_obj
def add(
    session: Session, serials: tuple[str, ...], site: str | None, name: str | None, place: str | None, as_json: bool
) -> None:
    """Put devices on a site's list.

    A serial number has 32 hexadecimal digits, or is Base64 as devices send it.
    """
    if name and len(serials) > 1:
        raise UsageError("--name is for one device", "Add them one by one, or import a list: engage device import FILE")
    label = read_device_label(name or "", place or "")
    operator = session.operator_side()
    of_site = operator.sites.get(site).name
    added = []
    for serial in serials:
        device = operator.sites.add_device(serial, of_site, session.occasion(), label)
        added.append(device)
        click.echo(f"{door_title(device.serial, label)} belongs to {of_site}", err=as_json)
    warn_of_the_unlisted(operator, of_site, session.now())
    if as_json:
        words = {"name": label.name or None, "place": label.place or None}
        print_json([{"serial": each.serial, "site": of_site, **words} for each in added])
        return
    print_next(f"{program()} device list --site {of_site}")


@device.command(
    acts=[Act.DEVICE_SEE, Act.DEVICE_FILES_SEE],
    epilog="\b\nExample:\n  engage device show 0000000000000000A0B1000000000206",
)
@click.argument("device", metavar="SERIAL", shell_complete=completions.devices)
@json_option
@click.pass_obj
def show(session: Session, device: str, as_json: bool) -> None:
    """Show one device: its anchor, its trouble, and what it did.

    A device that never sent its serial number is known by its address. If it calls in here, the latest events of its
    audits and alerts are shown too. Those that went to an upstream system are not kept here. The database
    is the one that it fetched last from this host, and the one that it had then.
    """
    operator = session.operator_side()
    found = operator.evidence.device(device, session.now())
    events = {each.site: operator.devices.events(each.site, each.serial) for each in found if each.serial}
    faults = {each.site: _faults_of(operator, each, session.now()) for each in found}
    given = {each.site: operator.devices.given(each.site, each.serial) for each in found if each.serial}
    if as_json:
        print_json(
            [
                known_device_json(each, given.get(each.site), events.get(each.site, []), faults[each.site])
                for each in found
            ]
        )
        return
    for each in found:
        audits = events.get(each.site, [])
        print_device(each, has_audits=bool(audits))
        if each.history is not None:
            print_held(operator.doors.held(each, session.now()))
            print_timeline(operator.doors.timeline(each, None, _LINES).items)
        print_given(given.get(each.site))
        print_events(audits)
        print_faults(faults[each.site], {each.identity: each.label})
    print_next(f"{program()} device list --troubled")


@device.command(
    acts=[Act.DEVICE_FORGET],
    epilog="\b\nExamples:\n  engage device forget 192.0.2.77 --reason 'a port scan'\n"
    "  engage device forget 0000000000000000A0B1000000000206 --site north --reason 'door removed'",
)
@click.argument("device", metavar="SERIAL", shell_complete=completions.devices)
@click.option(
    "--site", metavar="NAME", shell_complete=completions.sites, help="Only in this site. [default: in every site]"
)
@json_option
@click.pass_obj
def forget(session: Session, device: str, site: str | None, as_json: bool) -> None:
    """Drop the evidence of a device that is gone or never was one.

    SERIAL is a serial number or an address. Its history, releases and addresses are dropped. If the device calls again,
    it counts as a new one. It stays on its site's list, and its files stay: engage device remove removes these as well.
    A device that is on no list loses its name.
    """
    sites = session.operator_side().evidence.forget(device, site, session.reason, session.occasion())
    if as_json:
        print_json({"device": device, "sites": list(sites)})
        return
    click.echo(f"dropped the evidence of {device} in {', '.join(sites)}")
    print_next(f"{program()} device list --site {sites[0]}")


device.add_command(list_devices)
device.add_command(name_device)
device.add_command(import_devices)
device.add_command(export_devices)
device.add_command(remove_device)


def _faults_of(operator: "OperatorSide", view: DeviceView, now: datetime) -> list[CallFault]:
    """Why its own call-ins were not answered."""
    return [each for each in operator.call_faults.recent(view.site, now) if each.device == view.identity]
