"""What an operator changed about a site, and whom that concerns."""

from collections.abc import Sequence

import click

from engage_server.cli.output import print_table
from engage_server.records import Site
from engage_server.services.evidence.callers import HostCallers


def print_site_change(before: Site, after: Site, callers: Sequence[HostCallers]) -> None:
    """Each part that is other than it was, as it was and as it is; and who still calls a host that is gone.

    Args:
        before: The site as it was.
        after: As it is.
        callers: Of each host that was taken away.
    """
    rows = [(what, old, new) for (what, old), (_, new) in zip(_parts(before), _parts(after), strict=True) if old != new]
    print_table([f"site {after.name}", "before", "now"], rows, "")
    for each in callers:
        click.echo(f"warning: {after.name} does not answer for {each.host} any more. {who_calls(each)}", err=True)
    if callers:
        click.echo("Whoever calls a removed host gets the default site's answers, and refuses its TLS.", err=True)


def warn_of_other_hosts(site: str, callers: Sequence[HostCallers]) -> None:
    """Before a release is made that is not for a host which doors call."""
    for each in callers:
        click.echo(f"warning: {each.host} is no host of {site}: the next certificate is not for it.", err=True)
        click.echo(f"{who_calls(each)} They will refuse TLS.", err=True)


def who_calls(callers: HostCallers) -> str:
    """One sentence: how many doors call a host, and which."""
    if not callers.devices:
        return "No door called it within 30 days, as far as doors say what they call."
    doors = "1 door" if callers.devices == 1 else f"{callers.devices} doors"
    return f"{doors} called it within 30 days, such as {', '.join(callers.examples)}."


def _parts(site: Site) -> list[tuple[str, str]]:
    return [
        ("hosts", " ".join(map(str, site.hosts))),
        ("answers devices in", " ".join(map(str, site.device_networks)) or "anywhere"),
        ("local addresses", " ".join(site.local_addresses) or "those among its hosts"),
        ("evidence in rotations", site.evidence.value),
    ]
