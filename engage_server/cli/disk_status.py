"""How the disk is shown, for people and for scripts."""

from typing import Any

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


def disk_json(status: DiskStatus) -> dict[str, Any]:
    """All figures, in bytes."""
    limits = status.limits
    return {
        "free": status.free,
        "full": status.is_full,
        "warnings": status.warnings(),
        "limits": {
            "device": limits.device,
            "site": limits.site,
            "total": limits.total,
            "uploads": limits.uploads,
            "reserve": limits.reserve,
        },
        "sites": {
            site: {"files": use.files, "uploads": use.uploads, "refused": use.refused}
            for site, use in status.sites.items()
        },
        "enrolled_today": dict(status.enrolled),
    }
