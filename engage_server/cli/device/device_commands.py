"""``engage device``."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from engage_server.as_json.call_faults import call_faults_json
from engage_server.as_json.devices import device_json, events_json, given_json
from engage_server.cli.device.device_files_commands import export_devices, import_devices
from engage_server.cli.device.device_views import WORDS, grade_words, print_device, print_events, print_given
from engage_server.cli.device.remove_command import remove_device
from engage_server.cli.failing_doors import print_faults, print_refusing, strangers_of, warn_of_the_unlisted
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option, print_json, print_next, print_table, print_wrapped, trials_mark
from engage_server.cli.parameters import HostType, Numbered, reason_option, site_option
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.records import Host
from engage_server.services.device_files.fault_journal import CallFault
from engage_server.services.evidence.devices import DeviceView

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide

_SHOWN = 50
_GRADES = """\b
How far a device got     in JSON
never seen               never_seen     it never called this site
not yet                  never_seen     it called before, but not with this release
asked for the notice     notice         it knows this host, and no more
downloaded the anchor    certificate    it may trust the release from now on
finished TLS             handshake      it trusts the release: it was offered no other chain
proved itself            authenticated  the same, and its token was valid

"has" is the release whose chain a device accepted last by TLS. "finished TLS" says that it once did so with the release
of the list. Where the two differ, the device may have to fetch another anchor first.

\b
Examples:
  engage device list --site north
  engage device list --release 4 --missing   which devices did not finish TLS with release 4
  engage device list --calls old.example     which doors call a host that you want to remove
  engage device list --troubled              which devices loop, refuse or are silent, and why
  engage device list --release 4 --all --json
"""


@click.group(
    cls=OrderedGroup,
    order=(
        "list",
        "show",
        "add",
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


@device.command(epilog="\b\nExample:\n  engage device add 0000000000000000A0B1000000000206 --site north")
@click.argument("serials", nargs=-1, required=True, metavar="SERIAL...")
@site_option
@json_option
@click.pass_obj
def add(session: Session, serials: tuple[str, ...], site: str | None, as_json: bool) -> None:
    """Put devices on a site's list.

    A serial number has 32 hexadecimal digits, or is Base64 as devices send it.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    added = []
    for serial in serials:
        added.append(operator.sites.add_device(serial, name, session.occasion()).serial)
        click.echo(f"{added[-1]} belongs to {name}", err=as_json)
    warn_of_the_unlisted(operator, name, session.now())
    if as_json:
        print_json([{"serial": serial, "site": name} for serial in added])
        return
    print_next(f"{program()} device list --site {name}")


@device.command(
    "list",
    epilog=_GRADES,
)
@site_option
@click.option(
    "--release",
    type=Numbered,
    metavar="N",
    shell_complete=completions.releases,
    help="Show how far each device got with this release.",
)
@click.option("--missing", is_flag=True, help="Only devices that have not finished TLS with it.")
@click.option("--troubled", is_flag=True, help="Only devices that seem to be in trouble.")
@click.option("--calls", type=HostType(), metavar="HOST", help="Only devices that called this host last.")
@click.option("--all", "shows_all", is_flag=True, help=f"Show more than the first {_SHOWN}.")
@json_option
@click.pass_obj
def list_devices(
    session: Session,
    site: str | None,
    release: int | None,
    missing: bool,
    troubled: bool,
    calls: Host | None,
    shows_all: bool,
    as_json: bool,
) -> None:
    """List the devices of a site, longest silent first.

    Without --release, the list is for the current release. The table below shows how far a device can get with it.
    """
    operator = session.operator_side()
    of = operator.sites.get(site)
    name = of.name
    number = release or operator.releases.current(name)
    limit = None if shows_all else _SHOWN
    now = session.now()
    found = operator.evidence.devices(
        name, now, release=number, missing=missing, troubled=troubled, host=calls, limit=limit
    )
    if as_json:
        print_json([device_json(each) | {"for_trials": of.for_trials} for each in found])
        return
    rows = [
        (
            f"{each.identity}{' *' if each.is_stranger else ''}",
            grade_words(each),
            _has(each),
            _last_seen(each, now),
            "" if each.silent_nights is None else each.silent_nights,
            each.diagnosis.code if each.diagnosis else "",
        )
        for each in found
    ]
    columns = ["device", f"release {number}" if number else "release", "has", "last seen", "nights", "trouble"]
    print_table(columns, rows, _nobody(missing, troubled, calls))
    for each in found if troubled else []:
        if each.diagnosis is not None:
            print_wrapped(f"{each.identity}: {each.diagnosis.cause}", "  ")
            print_wrapped(f"  fix: {each.diagnosis.mend}", "    ")
    if number is not None:
        grades = operator.evidence.grades(name, number)
        text = ", ".join(f"{count} {WORDS[grade]}" for grade, count in sorted(grades.items(), reverse=True) if count)
        click.echo(f"release {number} of {name}{trials_mark(of)}: {text or 'no device yet'}")
        reception = operator.held_anchors.reception(name, number, session.now())
        if reception.strangers:
            click.echo(f"{strangers_of(reception)} (*)")
        if reception.refuse:
            print_refusing(reception, "would refuse")
    if limit is not None and len(found) == limit:
        click.echo(f"only the first {limit} are shown: --all")
    if rows:
        print_next(f"{program()} device show {found[0].identity}")
    else:
        is_filtered = missing or troubled or calls
        print_next(
            f"{program()} device list --site {name}" if is_filtered else f"{program()} device add SERIAL --site {name}"
        )


@device.command(epilog="\b\nExample:\n  engage device show 0000000000000000A0B1000000000206")
@click.argument("device", metavar="SERIAL", shell_complete=completions.devices)
@json_option
@click.pass_obj
def show(session: Session, device: str, as_json: bool) -> None:
    """Show one device: its habit, its releases, and its trouble.

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
                device_json(each)
                | {"database": given_json(given.get(each.site))}
                | {"events": events_json(events.get(each.site, []))}
                | {"call_in_faults": call_faults_json(faults[each.site])}
                for each in found
            ]
        )
        return
    for each in found:
        audits = events.get(each.site, [])
        print_device(each, has_audits=bool(audits))
        print_given(given.get(each.site))
        print_events(audits)
        print_faults(faults[each.site])
    print_next(f"{program()} device list --troubled")


@device.command(
    epilog="\b\nExamples:\n  engage device forget 192.0.2.77 --reason 'a port scan'\n"
    "  engage device forget 0000000000000000A0B1000000000206 --site north --reason 'door removed'"
)
@click.argument("device", metavar="SERIAL", shell_complete=completions.devices)
@click.option(
    "--site", metavar="NAME", shell_complete=completions.sites, help="Only in this site. [default: in every site]"
)
@reason_option
@json_option
@click.pass_obj
def forget(session: Session, device: str, site: str | None, reason: str, as_json: bool) -> None:
    """Drop the evidence of a device that is gone or never was one.

    SERIAL is a serial number or an address. Its history, releases and addresses are dropped. If the device calls again,
    it counts as a new one. It stays on its site's list and its files stay: engage device remove removes these as well.
    """
    sites = session.operator_side().evidence.forget(device, site, reason, session.occasion())
    if as_json:
        print_json({"device": device, "sites": list(sites)})
        return
    click.echo(f"dropped the evidence of {device} in {', '.join(sites)}")
    print_next(f"{program()} device list --site {sites[0]}")


device.add_command(import_devices)
device.add_command(export_devices)
device.add_command(remove_device)


def _has(view: DeviceView) -> str:
    """The release whose chain it accepted last: it has an anchor for it. Short, so that a row fits a terminal."""
    return f"{view.history.finished_release}" if view.history and view.history.finished_release else ""


def _faults_of(operator: "OperatorSide", view: DeviceView, now: datetime) -> list[CallFault]:
    """Why its own call-ins were not answered."""
    return [each for each in operator.call_faults.recent(view.site, now) if each.device == view.identity]


def _last_seen(view: DeviceView, now: datetime) -> str:
    """A date, because nights count. For today it is the time, because somebody may be trying something."""
    if view.history is None:
        return "never"
    seen = view.history.last_seen
    return f"{seen:%H:%M} UTC" if seen.date() == now.date() else f"{seen:%Y-%m-%d}"


def _nobody(missing: bool, troubled: bool, calls: Host | None) -> str:
    """What is printed in place of an empty list."""
    if calls is not None:
        return f"no device called {calls} last, as far as devices say what they call"
    if troubled:
        return "no device seems to be in trouble"
    return "no device is missing" if missing else "no device was seen or added yet"
