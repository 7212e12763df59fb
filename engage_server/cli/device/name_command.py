"""``engage device name``, and the options for names that other commands have, too."""

import click

from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import UsageError
from engage_server.services.access.permissions import Act

name_option = click.option(
    "--name", metavar="TEXT", help='What people call the door, such as "North entrance". At most 80 characters.'
)
place_option = click.option(
    "--place", metavar="TEXT", help='Where it is, such as "Building 3, ground floor". At most 120 characters.'
)


@click.command(
    "name",
    cls=AskingCommand,
    acts=[Act.DEVICE_NAME],
    epilog="\b\nExamples:\n"
    "  engage device name 0000000000000000A0B1000000000206 --name 'North entrance'\n"
    "  engage device name 0000000000000000A0B1000000000206 --place 'Building 3, ground floor'\n"
    "  engage device name 0000000000000000A0B1000000000206 --name ''\n      removes the name",
)
@click.argument("device", metavar="SERIAL", shell_complete=completions.devices)
@name_option
@place_option
@click.option(
    "--site",
    metavar="NAME",
    shell_complete=completions.sites,
    help="The site that it belongs to. [default: the only site that knows it]",
)
@json_option
@click.pass_obj
def name_device(
    session: Session, device: str, name: str | None, place: str | None, site: str | None, as_json: bool
) -> None:
    """Give a door a name and a place.

    Lists and messages then begin with the name, and the serial number follows. What you leave out stays. An empty text
    removes what was there.

    SERIAL is a serial number or an address. The site must list the device or have seen it. A name puts it on no list.
    engage device remove removes the name too.
    """
    if name is None and place is None:
        raise UsageError("there is nothing to change", "Give --name TEXT, --place TEXT, or both.")
    naming = session.operator_side().naming
    of_site = naming.site_of(device, site)
    named = naming.name(device, of_site, name, place, session.occasion().because(session.reason))
    if as_json:
        label = named.label
        print_json(
            {
                "device": named.identity,
                "site": of_site,
                "name": label.name or None,
                "place": label.place or None,
            }
        )
        return
    rows = [
        ("device", f"{named.identity} of {of_site}"),
        ("name", named.label.name or "none"),
        ("place", named.label.place or "none"),
    ]
    print_table(["", ""], rows, "")
    print_next(f"{program()} device show {named.identity}")
