"""``engage device remove``."""

import click

from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import sure_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.questions import assert_sure
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.records import NO_LABEL, door_title
from engage_server.services.access.permissions import Act
from engage_server.services.sites.serials import read_serial


@click.command(
    "remove",
    cls=AskingCommand,
    acts=[Act.DEVICE_REMOVE],
    epilog="\b\nExample:\n  engage device remove 0000000000000000A0B1000000000206 --site north --reason 'door removed'",
)
@click.argument("serial", metavar="SERIAL", shell_complete=completions.devices)
@click.option(
    "--site",
    metavar="NAME",
    shell_complete=completions.sites,
    help="The site that it belongs to. [default: the only site that knows it]",
)
@sure_option
@json_option
@click.pass_obj
def remove_device(session: Session, serial: str, site: str | None, yes: bool, as_json: bool) -> None:
    """Remove a device with its evidence and its files.

    It is taken off its site's list, and loses its name. If it calls again, it is a new device. To drop only its
    evidence: engage device forget.
    """
    identity, removal = read_serial(serial), session.operator_side().removal
    name = removal.site_of(identity, site)
    if not yes:
        label = session.operator_side().evidence.labels(name, [identity]).get(identity, NO_LABEL)
        assert_sure(f"remove device {door_title(identity, label)} and its files from site {name}?")
    removal.device(identity, name, session.reason, session.occasion())
    if as_json:
        print_json({"device": identity, "site": name})
        return
    click.echo(f"removed {identity} from {name}")
    print_next(f"{program()} device list --site {name}")
