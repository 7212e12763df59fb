"""Doors that fail: before they would refuse what is served, and after a call-in was not answered."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from engage_server.cli.output import counted, print_wrapped
from engage_server.cli.program import program
from engage_server.errors import Refused
from engage_server.records import NO_LABEL, DeviceLabel, door_title
from engage_server.services.device_files.fault_journal import CallFault
from engage_server.services.evidence.callers import HostCallers
from engage_server.services.releases.reception import Reception
from engage_server.services.releases.reception_words import sentence_of

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide

yes_option = click.option("--yes", is_flag=True, help="Do not ask, even if doors would fail TLS.")


def assert_wanted(receptions: list[Reception], *, yes: bool) -> None:
    """Ask if at least one door would fail TLS. Refuse if nobody is there to answer.

    Args:
        receptions: For each site, how its devices would respond to what is about to be served.
        yes: Whether the operator has already agreed.

    Raises:
        Refused: Doors would fail, and nobody can be asked.
        click.Abort: The answer was no.
    """
    sentences = [sentence_of(each, "would refuse") for each in receptions if each.fails_somebody]
    if not sentences:
        return
    what = "\n".join(sentences)
    if yes:
        click.echo(f"warning: {what}", err=True)
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        first, *rows = what.split("\n")  # a line end in the sentence itself would be escaped
        raise Refused(
            first,
            "Nothing was changed. To do it anyway, run the command again with --yes.",
            code="doors.fail",
            rows=rows,
        )
    click.echo(what, err=True)
    click.confirm("serve it anyway?", abort=True, err=True)


def print_refusing(reception: Reception, verb: str, already: int = 0) -> None:
    """Print :func:`sentence_of`, as wide as a terminal.

    Args:
        reception: How the doors respond.
        verb: As there.
        already: How many columns of the first line are taken.
    """
    for line in sentence_of(reception, verb).split("\n"):
        print_wrapped(line, "    ", already=already)
        already = 0


def strangers_of(reception: Reception) -> str:
    """How many devices are not counted, because their site has a list and they are not on it."""
    count = reception.strangers
    doors = "1 more device finished TLS and is" if count == 1 else f"{count} more devices finished TLS and are"
    return f"{doors} not on the site's list: no rotation counts {'it' if count == 1 else 'them'}"


def warn_of_the_unlisted(operator: "OperatorSide", site: str, now: datetime) -> None:
    """A site's first listed device makes a list. Devices that are not on it no longer count, so this is reported."""
    current = operator.releases.current(site)
    reception = operator.held_anchors.reception(site, current, now) if current is not None else None
    if reception is not None and reception.strangers:
        click.echo(f"warning: {site} counts the devices on its list; {strangers_of(reception)}", err=True)


def warn_of_other_hosts(site: str, callers: Sequence[HostCallers], certificate: str = "the next certificate") -> None:
    """Before a release is made or served that is not for a host which doors call."""
    for each in callers:
        click.echo(f"warning: {each.host} is no host of {site}: {certificate} is not for it.", err=True)
        click.echo(f"{who_calls(each)} They will refuse TLS.", err=True)


def who_calls(callers: HostCallers) -> str:
    """One sentence: how many doors call a host, and which."""
    if not callers.devices:
        return "No door called it within 30 days, as far as doors say what they call."
    doors = "1 door" if callers.devices == 1 else f"{callers.devices} doors"
    return f"{doors} called it within 30 days, such as {', '.join(each.title for each in callers.examples)}."


def print_last_fault(site: str, faults: Sequence[CallFault], labels: Mapping[str, DeviceLabel]) -> None:
    """The newest reason, and where the others are. Its door has the name that the labels give it."""
    if not faults:
        return
    more = f" {counted(len(faults), 'reason')} in the last day: {program()} site call-in {site}"
    print_wrapped(f"{site}: a call-in was not answered as it should be. {_line(faults[-1], labels)}.{more}", "  ")


def print_faults(faults: Sequence[CallFault], labels: Mapping[str, DeviceLabel]) -> None:
    """All reasons of the last day, newest last. Their doors have the names that the labels give them."""
    if faults:
        click.echo("call-ins that were not answered as they should be, in the last day:")
    for each in faults:
        print_wrapped(f"  {_line(each, labels)}", "    ")


def labels_of(operator: "OperatorSide", site: str, faults: Sequence[CallFault]) -> Mapping[str, DeviceLabel]:
    """What people call the doors of these reasons."""
    return operator.evidence.labels(site, {each.device for each in faults}) if faults else {}


def _line(fault: CallFault, labels: Mapping[str, DeviceLabel]) -> str:
    door = door_title(fault.device, labels.get(fault.device, NO_LABEL))
    return f"{fault.at:%Y-%m-%d %H:%M} UTC, {door}: {fault.sentence}"
