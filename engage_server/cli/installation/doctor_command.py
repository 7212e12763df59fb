"""``engage doctor``."""

import click

from engage_server.as_json.checkup import checks_json
from engage_server.cli.output import console, json_option, print_json, print_next, print_wrapped
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import pasteable, program
from engage_server.cli.session import Session
from engage_server.composition.examination import examine
from engage_server.services.access.permissions import Act
from engage_server.services.installation.checkup import Check, Level, worst

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}


@click.command(
    cls=AskingCommand,
    acts=[Act.INSTALLATION_CHECK],
    epilog="\b\nExamples:\n  engage doctor\n  engage doctor --json\n"
    "  engage doctor --http-port 8080 --https-port 8443\n      if 'engage serve' was given these",
)
@click.option("--http-port", type=int, metavar="PORT", help="Port of the plain HTTP instance. [setting: http_port]")
@click.option("--https-port", type=int, metavar="PORT", help="Port of the TLS instance. [setting: https_port]")
@click.option(
    "--operators-port",
    type=int,
    metavar="PORT",
    help="Port of the API and metrics. [setting: operators_port]",
)
@json_option
@click.pass_obj
def doctor(
    session: Session, http_port: int | None, https_port: int | None, operators_port: int | None, as_json: bool
) -> int:
    """Check files, keys, ports, names and clock, and fetch once.

    The fetch does what a device does. It leaves lines in the log, and counts as a device at a site for trials.
    Run the command as root or as the service's user, because others cannot read its files.

    Ports that 'engage serve' was given as options are not in the settings. Give them here too.

    Exit status 1 when there is a problem, 3 when there is no installation. With warnings alone it is 0.
    """
    found: list[Check] = []
    ports = {"http_port": http_port, "https_port": https_port, "operators_port": operators_port}
    given = {name: port for name, port in ports.items() if port is not None}
    for check in examine(session.settings(**given), session.environment, session.now()):
        found.append(check)
        if not as_json:
            _print(check)
    level = worst(found)
    if as_json:
        print_json(checks_json(found, level))
    elif level is not Level.PROBLEM:
        print_next(f"{program()} status")
    return int(level is Level.PROBLEM)


def _print(check: Check) -> None:
    console().print(f"{check.level:<8}", style=_STYLES[check.level], end="")
    print_wrapped(f"{check.name:<10} {check.sentence}", " " * 19, already=8)
    if check.next_step:
        click.echo(f"{'':<19}next: {pasteable(check.next_step)}")
