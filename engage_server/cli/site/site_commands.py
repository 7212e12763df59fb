"""``engage site``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engage_server.as_json.sites import site_json
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.new_hosts import after_rotation, unanswered_after_rotation
from engage_server.cli.output import json_option, print_json, print_next, print_table, title_mark, trials_mark
from engage_server.cli.parameters import (
    FilePath,
    NetworkType,
    demo_option,
    hosts_option,
    required_site_key,
    site_argument,
    site_key_option,
    trials_option,
)
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.site.calendar_command import calendar
from engage_server.cli.site.call_in_command import call_in
from engage_server.cli.site.removal_commands import remove_site, rename_site
from engage_server.cli.site.site_change_output import (
    APPROVALS,
    print_site_change,
    print_when_followed,
    warn_of_site_change,
)
from engage_server.cli.site.site_options import local_address_option, time_zone_option, title_option
from engage_server.errors import UsageError
from engage_server.records import (
    AnchorRole,
    Host,
    IPNetwork,
    ReleaseState,
    RequiredEvidence,
    RotationWay,
    Site,
)
from engage_server.services.access.permissions import Act
from engage_server.services.site_path.words import state_words
from engage_server.services.sites.register import SiteChanges, SiteRequest

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide

_HOSTS_IN_LIST = 2
_EVIDENCE = {
    RequiredEvidence.ANY: "any: a TLS handshake from the device's usual address",
    RequiredEvidence.AUTHENTICATED: "authenticated: a TLS handshake with the device's token",
}


@click.group(
    cls=OrderedGroup,
    order=(
        "list",
        "show",
        "add",
        "change",
        "call-in",
        "calendar",
        "default",
        "export-key",
        "rename",
        "remove",
    ),
)
def site() -> None:
    """Sites: the devices that share a site key and a host."""


@site.command(
    acts=[Act.SITE_ADD],
    epilog="\b\nExample:\n  engage site add north --host north.example.org --site-key-file north.key\n"
    "  printenv NORTH_KEY | engage site add north --host 10.2.0.1 --site-key-file -",
)
@click.argument("name")
@hosts_option(required=True)
@site_key_option
@click.option(
    "--anchor",
    type=click.Choice([str(role) for role in AnchorRole]),
    default="root",
    show_default=True,
    help="The certificate that its devices trust. intermediate needs firmware that accepts partial chains.",
)
@click.option(
    "--device-network",
    "networks",
    type=NetworkType(),
    multiple=True,
    metavar="CIDR",
    help="Answer only devices in this network. Repeat it for each. [default: anywhere]",
)
@local_address_option
@click.option("--default", "make_default", is_flag=True, help="Let this site answer requests that name no site.")
@title_option
@time_zone_option
@demo_option
@trials_option
@click.pass_obj
def add(
    session: Session,
    name: str,
    hosts: tuple[Host, ...],
    site_key_file: str | None,
    anchor: str,
    networks: tuple[IPNetwork, ...],
    local_addresses: tuple[str, ...],
    make_default: bool,
    title: str | None,
    time_zone: str | None,
    demo: bool,
    trials: bool,
) -> None:
    """Add a site.

    Its site key can never be changed afterwards, because devices know no other key.
    """
    key = required_site_key(session, site_key_file, demo)
    request = SiteRequest(
        name,
        hosts,
        AnchorRole(anchor),
        networks,
        make_default,
        local_addresses,
        trials,
        title or "",
        time_zone or "UTC",
    )
    added = session.operator_side().sites.add(request, key, session.occasion())
    click.echo(f"added site {added.name} for {', '.join(map(str, added.hosts))}")
    if added.anchor is AnchorRole.INTERMEDIATE:
        click.echo("warning: an intermediate works as anchor only in devices that accept a partial chain", err=True)
    folder = session.settings().certs_dir / name
    print_next(
        f"{program()} chain build {folder} " + " ".join(f"--host {host}" for host in added.hosts) + ", then "
        f"{program()} release stage {folder} --site {name}"
    )


@site.command("list", acts=[Act.SITE_SEE], epilog="\b\nExample:\n  engage site list --json")
@json_option
@click.pass_obj
def list_sites(session: Session, as_json: bool) -> None:
    """List the sites."""
    operator = session.operator_side()
    current = operator.current_releases()
    sites = operator.sites.all()
    if as_json:
        print_json([site_json(each, current.get(each.name)) for each in sites])
        return
    rows = [
        (
            f"{each.name}{title_mark(each)}{trials_mark(each)}{' (two persons)' if each.approvals else ''}",
            "yes" if each.is_default else "",
            each.anchor,
            current.get(each.name, "none"),
            _few_hosts(each),
        )
        for each in sites
    ]
    print_table(["site", "default", "anchor", "release", "hosts"], rows, "there is no site yet")
    print_next(f"{program()} site show {sites[0].name}" if rows else f"{program()} init")


@site.command(acts=[Act.SITE_SEE], epilog="\b\nExample:\n  engage site show main")
@site_argument
@json_option
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one site, but never its key."""
    operator = session.operator_side()
    found = operator.sites.get(name)
    releases = operator.releases.all(name)
    current = next((r.number for r in releases if r.state is ReleaseState.CURRENT), None)
    if as_json:
        print_json(site_json(found, current))
        return
    networks = ", ".join(map(str, found.device_networks)) or "anywhere"
    path = operator.paths.of(name, session.now())
    rows = [
        ("site", f"{found.name}{trials_mark(found)}" + (" (default)" if found.is_default else "")),
        *([("title", found.title)] if found.title else []),
        ("time zone", found.time_zone),
        ("hosts", _hosts(found)),
        ("anchor", found.anchor),
        ("answers devices in", networks),
        ("local addresses", " ".join(found.local_addresses) or "those among its hosts"),
        ("call-ins", f"{found.call_in.way}: {program()} site call-in {found.name}"),
        ("evidence in rotations", _EVIDENCE[found.evidence]),
        ("approvals", APPROVALS[found.approvals]),
        *([("path", state_words(path))] if path.link else []),
        ("current release", current or "none"),
        ("releases", len(releases)),
        ("site key", "sealed"),
        ("created", f"{found.created_at:%Y-%m-%d %H:%M} UTC"),
    ]
    print_table(["", ""], rows, "")
    print_next(f"{program()} release list --site {name}")


@site.command(
    acts=[Act.SITE_CHANGE],
    epilog="\b\nExamples:\n  engage site change north --host north.example.org --host 10.2.0.2\n"
    "  engage site change north --local-address 10.2.0.2\n  engage site change north --any-network\n"
    "  engage site change north --title 'Depot Nord' --time-zone Europe/Berlin",
)
@site_argument
@hosts_option(required=False)
@click.option(
    "--device-network",
    "networks",
    type=NetworkType(),
    multiple=True,
    metavar="CIDR",
    help="Answer only devices in this network. Repeat it for each.",
)
@click.option("--any-network", is_flag=True, help="Answer devices from anywhere.")
@local_address_option
@click.option("--no-local-address", is_flag=True, help="Remove all local addresses.")
@click.option(
    "--evidence",
    type=click.Choice([str(each) for each in RequiredEvidence]),
    help="What counts in its rotations: any TLS handshake from a device's usual address, or only one with the "
    "device's token.",
)
@click.option(
    "--approvals",
    type=click.Choice(["0", "1"]),
    help="With 1, a step of a rotation that can cut devices off needs a second person: not the one who started it.",
)
@title_option
@time_zone_option
@json_option
@click.pass_obj
def change(
    session: Session,
    name: str,
    hosts: tuple[Host, ...],
    networks: tuple[IPNetwork, ...],
    any_network: bool,
    local_addresses: tuple[str, ...],
    no_local_address: bool,
    evidence: str | None,
    approvals: str | None,
    title: str | None,
    time_zone: str | None,
    as_json: bool,
) -> None:
    """Change what a site has: hosts, networks, rules or title.

    What you give replaces what was there. A site's key and anchor cannot be changed; its name can: engage site rename.

    A server certificate is valid only for the hosts that it was built for. With other hosts, a server renewal is due at
    once.

    --evidence authenticated is refused until a device of the site has sent a valid token.

    With --approvals 1, somebody else than who started a rotation must approve each step that can cut devices off. To
    go back never needs a second person. The rule cannot be lifted while a rotation is open.
    """
    if (networks and any_network) or (local_addresses and no_local_address):
        raise UsageError(
            "these options contradict each other", "Give either the new values, or the option that removes them."
        )
    changes = SiteChanges(
        tuple(dict.fromkeys(hosts)),
        () if any_network else networks or None,
        () if no_local_address else local_addresses or None,
        evidence=RequiredEvidence(evidence) if evidence else None,
        approvals=int(approvals) if approvals else None,
        title=title,
        time_zone=time_zone,
    )
    operator = session.operator_side()
    before = operator.sites.get(name)
    changed = operator.sites.change(before, changes, session.reason, session.occasion())
    removed = [host for host in before.hosts if host not in changed.hosts]
    callers = [operator.evidence.callers_of_host(name, host, session.now()) for host in removed]
    if changed != before:
        warn_of_site_change(changed, callers)
    if as_json:
        still = {each.host.text: each.devices for each in callers}
        print_json({**site_json(changed, operator.releases.current(name)), "removed_hosts_called_by": still})
        return
    if changed == before:
        click.echo(f"nothing to change: site {name} is so already")
        print_next(f"{program()} site show {name}")
        return
    print_site_change(before, changed)
    print_when_followed(session.settings().poll_seconds)
    print_next(_after_change(operator, changed))


def _after_change(operator: "OperatorSide", changed: Site) -> str:
    """A host that the served certificate is not for needs a rotation. Otherwise there is nothing more to do."""
    number = operator.releases.current(changed.name)
    unanswered = operator.releases.unanswered_hosts(operator.releases.one(changed.name, number)) if number else ()
    if not unanswered:
        return f"{program()} site show {changed.name}"
    click.echo(f"release {number} does not answer for {' '.join(map(str, unanswered))}: a server renewal is due")
    if unanswered_after_rotation(operator, changed.name):
        click.echo("A rotation is open that was begun without it. It must end or be aborted first.")
        return after_rotation(changed.name)
    if operator.rotations.open_rotation(changed.name) is not None:
        click.echo("The open rotation will answer for it.")
        return f"{program()} rotate status --site {changed.name}"
    return f"{program()} rotate start --site {changed.name} --way {RotationWay.SERVER_RENEWAL}"


site.add_command(call_in)
site.add_command(calendar)
site.add_command(remove_site)
site.add_command(rename_site)


@site.command("default", acts=[Act.SITE_CHANGE], epilog="\b\nExample:\n  engage site default north")
@site_argument
@click.pass_obj
def make_default(session: Session, name: str) -> None:
    """Let this site answer requests that name no site."""
    session.operator_side().sites.make_default(name, session.occasion())
    click.echo(f"{name} is the default site now")
    print_next(f"{program()} site list")


@site.command(
    "export-key", acts=[Act.SITE_KEY_EXPORT], epilog="\b\nExample:\n  engage site export-key main /media/safe/main.key"
)
@site_argument
@click.argument("file", type=FilePath)
@click.pass_obj
def export_key(session: Session, name: str, file: Path) -> None:
    """Write the site key into a new file that only you can read.

    The file holds the key as Base64. The audit log records the export.
    """
    session.operator_side().sites.export_key(name, file, session.occasion())
    click.echo(f"wrote the key of {name} to {file}")
    print_next("keep it offline. Devices are commissioned with it, and it can never be changed.")


def _few_hosts(of: Site) -> str:
    """For a list: all hosts, or the main one and how many more there are."""
    return _hosts(of) if len(of.hosts) <= _HOSTS_IN_LIST else f"{of.hosts[0]} and {len(of.hosts) - 1} more"


def _hosts(of: Site) -> str:
    return " ".join(map(str, of.hosts))
