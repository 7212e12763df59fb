"""``engage device``."""

import click

from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.parameters import site_option
from engage_server.cli.session import Session, program


@click.group()
def device() -> None:
    """Devices that are known by serial number.

    With several sites, a device that calls by a host of none of them is answered by the site that it is known in.
    """


@device.command(epilog="\b\nExample:\n  engage device add 0000000000000000A0B1000000000206 --site north")
@click.argument("serials", nargs=-1, required=True, metavar="SERIAL...")
@click.option("--site", required=True, metavar="NAME", help="The site that they belong to.")
@click.pass_obj
def add(session: Session, serials: tuple[str, ...], site: str) -> None:
    """Remember to which site devices belong: 32 hexadecimal digits each, or Base64 as they send it."""
    sites = session.operator_side().sites
    for serial in serials:
        added = sites.add_device(serial, site, session.occasion())
        click.echo(f"{added.serial} belongs to {site}")
    print_next(f"{program()} device list --site {site}")


@device.command("list", epilog="\b\nExample:\n  engage device list --site north --json")
@site_option
@json_option
@click.pass_obj
def list_devices(session: Session, site: str | None, as_json: bool) -> None:
    """List the devices, of all sites or of one."""
    found = session.operator_side().sites.devices(site)
    if as_json:
        print_json([{"serial": d.serial, "site": d.site, "added_at": d.added_at.isoformat()} for d in found])
        return
    rows = [(d.serial, d.site, f"{d.added_at:%Y-%m-%d %H:%M} UTC") for d in found]
    print_table(["serial number", "site", "added"], rows, "no device is known by serial number")
    print_next(f"{program()} device add SERIAL --site NAME")
