"""``engage site``."""

from pathlib import Path
from typing import Any

import click

from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.parameters import (
    FilePath,
    NetworkType,
    demo_option,
    hosts_option,
    required_site_key,
    site_key_option,
)
from engage_server.cli.session import Session, program
from engage_server.records import AnchorRole, Host, IPNetwork, ReleaseState, Site
from engage_server.services.sites import SiteRequest


@click.group()
def site() -> None:
    """Sites: the devices that share a site key and the host that they call."""


@site.command(
    epilog="\b\nExample:\n  engage site add north --host north.example.org --site-key-file north.key\n"
    "  printenv NORTH_KEY | engage site add north --host 10.2.0.1 --site-key-file -"
)
@click.argument("name")
@hosts_option(required=True)
@site_key_option
@click.option(
    "--anchor",
    type=click.Choice([str(role) for role in AnchorRole]),
    default="root",
    show_default=True,
    help="Which certificate its devices trust. The intermediate needs firmware that accepts partial chains.",
)
@click.option(
    "--device-network",
    "networks",
    type=NetworkType(),
    multiple=True,
    metavar="CIDR",
    help="Answer its devices from this network alone; repeat it for each. [default: from anywhere]",
)
@click.option("--default", "make_default", is_flag=True, help="Let it answer requests that name no site.")
@demo_option
@click.pass_obj
def add(
    session: Session,
    name: str,
    hosts: tuple[Host, ...],
    site_key_file: str | None,
    anchor: str,
    networks: tuple[IPNetwork, ...],
    make_default: bool,
    demo: bool,
) -> None:
    """Add a site. Its site key can never be changed afterwards: devices know no other."""
    key = required_site_key(session, site_key_file, demo)
    request = SiteRequest(name, hosts, AnchorRole(anchor), networks, make_default)
    added = session.operator_side().sites.add(request, key, session.occasion())
    click.echo(f"added site {added.name} for {', '.join(map(str, added.hosts))}")
    if added.anchor is AnchorRole.INTERMEDIATE:
        click.echo("warning: an intermediate as anchor works only in devices that accept a partial chain", err=True)
    folder = f"certs/{name}"
    print_next(
        f"{program()} chain build {folder} " + " ".join(f"--host {host}" for host in added.hosts) + ", then "
        f"{program()} release stage {folder} --site {name}"
    )


@site.command("list", epilog="\b\nExample:\n  engage site list --json")
@json_option
@click.pass_obj
def list_sites(session: Session, as_json: bool) -> None:
    """List the sites."""
    operator = session.operator_side()
    current = {r.site: r.number for r in operator.releases.all() if r.state is ReleaseState.CURRENT}
    sites = operator.sites.all()
    if as_json:
        print_json([_as_json(each, current.get(each.name)) for each in sites])
        return
    rows = [
        (each.name, "yes" if each.is_default else "", each.anchor, current.get(each.name, "none"), _hosts(each))
        for each in sites
    ]
    print_table(["site", "default", "anchor", "release", "hosts"], rows, "there is no site yet")
    print_next(f"{program()} site show NAME" if rows else f"{program()} init")


@site.command(epilog="\b\nExample:\n  engage site show main")
@click.argument("name")
@json_option
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one site. Its key is never shown."""
    operator = session.operator_side()
    found = operator.sites.get(name)
    releases = operator.releases.all(name)
    current = next((r.number for r in releases if r.state is ReleaseState.CURRENT), None)
    if as_json:
        print_json(_as_json(found, current))
        return
    networks = ", ".join(map(str, found.device_networks)) or "anywhere"
    rows = [
        ("site", found.name + (" (default)" if found.is_default else "")),
        ("hosts", _hosts(found)),
        ("anchor", found.anchor),
        ("answers devices in", networks),
        ("current release", current or "none"),
        ("releases", len(releases)),
        ("site key", "sealed"),
        ("created", f"{found.created_at:%Y-%m-%d %H:%M} UTC"),
    ]
    print_table(["", ""], rows, "")
    print_next(f"{program()} release list --site {name}")


@site.command("default", epilog="\b\nExample:\n  engage site default north")
@click.argument("name")
@click.pass_obj
def make_default(session: Session, name: str) -> None:
    """Let this site answer requests that name no site."""
    session.operator_side().sites.make_default(name, session.occasion())
    click.echo(f"{name} is the default site now")
    print_next(f"{program()} site list")


@site.command("export-key", epilog="\b\nExample:\n  engage site export-key main /media/safe/main.key")
@click.argument("name")
@click.argument("file", type=FilePath)
@click.pass_obj
def export_key(session: Session, name: str, file: Path) -> None:
    """Write the site key, as Base64, into a new file that only you can read. The audit log notes it."""
    session.operator_side().sites.export_key(name, file, session.occasion())
    click.echo(f"wrote the key of {name} to {file}")
    print_next("keep it offline; it is what devices are commissioned with, and it can never be changed")


def _hosts(of: Site) -> str:
    return " ".join(map(str, of.hosts))


def _as_json(of: Site, current: int | None) -> dict[str, Any]:
    return {
        "name": of.name,
        "default": of.is_default,
        "hosts": [host.text for host in of.hosts],
        "anchor": of.anchor.value,
        "device_networks": [str(network) for network in of.device_networks],
        "current_release": current,
        "created_at": of.created_at.isoformat(),
    }
