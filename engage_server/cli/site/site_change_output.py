"""What an operator changed about a site, and which devices that affects."""

from collections.abc import Sequence

import click

from engage_server.cli.failing_doors import who_calls
from engage_server.cli.output import print_table
from engage_server.records import Site
from engage_server.services.evidence.callers import HostCallers


def print_site_change(before: Site, after: Site, callers: Sequence[HostCallers]) -> None:
    """Each part that has changed, before and now, and the devices that still call a removed host.

    Args:
        before: The site as it was.
        after: As it is.
        callers: For each host that was removed.
    """
    rows = [(what, old, new) for (what, old), (_, new) in zip(_parts(before), _parts(after), strict=True) if old != new]
    print_table([f"site {after.name}", "before", "now"], rows, "")
    for each in callers:
        click.echo(f"warning: {after.name} does not answer for {each.host} any more. {who_calls(each)}", err=True)
    if callers:
        click.echo(_answered_by_default(after), err=True)


def _answered_by_default(site: Site) -> str:
    """What becomes of devices that still call a removed host: another site's chain has another root."""
    if site.is_default:
        return (
            f"Devices that call a removed host still get the answers of {site.name}, the default site. They refuse TLS "
            "once its certificate is not for that host."
        )
    return "Devices that call a removed host get the default site's answers, and refuse its TLS."


def _parts(site: Site) -> list[tuple[str, str]]:
    return [
        ("hosts", " ".join(map(str, site.hosts))),
        ("answers devices in", " ".join(map(str, site.device_networks)) or "anywhere"),
        ("local addresses", " ".join(site.local_addresses) or "those among its hosts"),
        ("evidence in rotations", site.evidence.value),
    ]
