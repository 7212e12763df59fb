"""How the disk is shown, for people and for scripts."""

import click

from engage_server.cli.output import console
from engage_server.services.installation.disk_overview import DiskStatus

_MIB = 1024 * 1024


def print_disk(status: DiskStatus) -> None:
    """One line, and one for each warning."""
    used = sum(use.files + use.uploads for use in status.sites.values())
    free = "" if status.free is None else f", {status.free // _MIB} MiB of the disk are free"
    click.echo(f"devices take {used / _MIB:.1f} MiB of {status.limits.total // _MIB} MiB on this host{free}")
    out = console()
    for warning in status.warnings():
        out.print("warning: ", style="bold red" if status.is_full else "yellow", end="")
        click.echo(warning)
