"""What an operator changed about a site, and whom that concerns."""

import click

from engage_server.cli.output import print_table
from engage_server.records import Site


def print_site_change(before: Site, after: Site) -> None:
    """Each part that is other than it was, as it was and as it is."""
    rows = [(what, old, new) for (what, old), (_, new) in zip(_parts(before), _parts(after), strict=True) if old != new]
    print_table([f"site {after.name}", "before", "now"], rows, "")
    removed = [host for host in before.hosts if host not in after.hosts]
    if removed:
        click.echo(
            f"warning: {after.name} does not answer for {' '.join(map(str, removed))} any more. Devices that call it "
            "get the default site's answers, and refuse its TLS",
            err=True,
        )


def _parts(site: Site) -> list[tuple[str, str]]:
    return [
        ("hosts", " ".join(map(str, site.hosts))),
        ("answers devices in", " ".join(map(str, site.device_networks)) or "anywhere"),
        ("local addresses", " ".join(site.local_addresses) or "those among its hosts"),
        ("evidence in rotations", site.evidence.value),
    ]
