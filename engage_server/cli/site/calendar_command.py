"""``engage site calendar``."""

import click

from engage_server.cli.output import json_option, print_json
from engage_server.cli.parameters import site_argument
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import NotFound
from engage_server.services.access.permissions import Act


@click.command(
    "calendar",
    cls=AskingCommand,
    acts=[Act.SITE_SEE],
    epilog="\b\nExamples:\n  engage site calendar main > last-safe-days.ics\n  engage site calendar main --json",
)
@site_argument
@json_option
@click.pass_obj
def calendar(session: Session, name: str, as_json: bool) -> None:
    """Print the last safe days of a site as a calendar file.

    A last safe day is the last day to start the rotation of a certificate, so that nearly all doors call before it
    ends. Import the file (.ics, RFC 5545) into your calendar. It reminds you two weeks before each day. A later file
    moves the days, if the doors have become slower or a certificate was renewed.
    """
    from engage_server.as_json.status import last_safe_day_json  # both read certificates: few commands of sites do
    from engage_server.services.installation.last_safe_days import calendar_file, last_safe_days

    operator = session.operator_side()
    site = operator.sites.get(name)
    days = last_safe_days(operator.overview.look_at(name, session.occasion()))
    if as_json:
        print_json([last_safe_day_json(site.name, each) for each in days])
        return
    if not days:
        raise NotFound(
            f"site {name} serves nothing yet, so it has no last safe day",
            f"Activate a release first: {program()} release list --site {name}",
            code="site.nothing_served",
        )
    click.echo(calendar_file(site, days, session.now()).encode(), nl=False)
