"""Shows why call-ins were not answered."""

from collections.abc import Sequence

import click

from engage_server.cli.output import counted, print_wrapped
from engage_server.cli.program import program
from engage_server.services.device_files.fault_journal import CallFault


def print_last_fault(site: str, faults: Sequence[CallFault]) -> None:
    """The newest reason, and where the others are."""
    if not faults:
        return
    more = f" {counted(len(faults), 'reason')} in the last day: {program()} site call-in {site}"
    print_wrapped(f"{site}: a call-in was not answered as it should be. {_line(faults[-1])}.{more}", "  ")


def print_faults(faults: Sequence[CallFault]) -> None:
    """All reasons of the last day, newest last."""
    if faults:
        click.echo("call-ins that were not answered as they should be, in the last day:")
    for each in faults:
        print_wrapped(f"  {_line(each)}", "    ")


def _line(fault: CallFault) -> str:
    return f"{fault.at:%Y-%m-%d %H:%M} UTC, {fault.device}: {fault.sentence}"
