"""How the disk is shown."""

import click

from engage_server.cli.output import console, print_wrapped
from engage_server.services.installation.disk_overview import DiskStatus

_MIB = 1024 * 1024
_GIB = 1024 * _MIB


def print_disk(status: DiskStatus) -> None:
    """One line, and one for each warning."""
    used = sum(use.files + use.uploads for use in status.sites.values())
    free = "" if status.free is None else f"; {_size(status.free)} of its disk are free"
    click.echo(f"devices use {_size(used)} of {_size(status.limits.total)} on this host{free}")
    out = console()
    for warning in status.warnings():
        out.print("warning: ", style="bold red" if status.is_full else "yellow", end="")
        print_wrapped(warning, "  ", already=len("warning: "))


def _size(count: int) -> str:
    """In the unit that leaves three digits or four, so that a figure moves only when it matters."""
    return f"{count / _GIB:.0f} GiB" if count >= _GIB * 10 else f"{count / _MIB:.1f} MiB"
