"""Options of ``engage site add`` and ``engage site change``."""

import click

from engage_server.records import read_address


def _read_addresses(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for value in values:
        address = read_address(value.strip("[]"))
        if address is None:
            raise click.BadParameter(f"{value!r} is no address. Give one of this host, such as 10.2.0.1.")
        found[str(address)] = None
    return tuple(found)


local_address_option = click.option(
    "--local-address",
    "local_addresses",
    multiple=True,
    metavar="ADDR",
    callback=_read_addresses,
    help="An address of this host. Devices that call it and name no site get this site. Repeat it for each.",
)

title_option = click.option(
    "--title", metavar="TEXT", help='What people call the site, such as "Depot Nord". An empty text removes it.'
)
time_zone_option = click.option(
    "--time-zone", metavar="ZONE", help="Where the site is, such as Europe/Berlin. [default of a new site: UTC]"
)
