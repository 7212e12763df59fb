"""What an operator changed about a site, and which devices that affects."""

from collections.abc import Sequence

import click

from engage_server.cli.failing_doors import who_calls
from engage_server.cli.output import print_table
from engage_server.records import RequiredEvidence, Site
from engage_server.services.evidence.callers import HostCallers

APPROVALS = ("0: nobody else", "1: a second person where devices can be cut off")  # by the rule of the site


def print_site_change(before: Site, after: Site) -> None:
    """Each part that has changed, before and now.

    Args:
        before: The site as it was.
        after: As it is.
    """
    rows = [(what, old, new) for (what, old), (_, new) in zip(_parts(before), _parts(after), strict=True) if old != new]
    print_table([f"site {after.name}", "before", "now"], rows, "")


def warn_of_site_change(after: Site, callers: Sequence[HostCallers]) -> None:
    """The devices that still call a removed host, and who can read tokens: on standard error, also beside JSON.

    Args:
        after: The site as it is.
        callers: For each host that was removed.
    """
    for each in callers:
        click.echo(f"warning: {after.name} does not answer for {each.host} any more. {who_calls(each)}", err=True)
    if callers:
        click.echo(_answered_by_default(after), err=True)
    if after.evidence is RequiredEvidence.AUTHENTICATED and after.call_in.insecure:
        click.echo(
            "warning: call-ins are also answered by plain HTTP. Anyone on the way can read the tokens of devices.",
            err=True,
        )


def print_when_followed(poll_seconds: float) -> None:
    """When the change is in force.

    Args:
        poll_seconds: How often workers look for changes: the setting.
    """
    click.echo(f"a running server follows within {'a second' if poll_seconds < 1 else 'a few seconds'}")


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
        ("title", site.title or "none"),
        ("time zone", site.time_zone),
        ("hosts", " ".join(map(str, site.hosts))),
        ("answers devices in", " ".join(map(str, site.device_networks)) or "anywhere"),
        ("local addresses", " ".join(site.local_addresses) or "those among its hosts"),
        ("evidence in rotations", site.evidence.value),
        ("approvals", APPROVALS[site.approvals]),
    ]
