"""``engage settings``."""

import click

from engage_server.cli.output import console, json_option, print_json, print_next, print_wrapped
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.session import Session
from engage_server.services.access.permissions import Act
from engage_server.settings import ENVIRONMENT_PREFIX, table_of_settings
from engage_server.settings_file import settings_file
from engage_server.settings_text import shown_value


@click.command(cls=AskingCommand, acts=[Act.SETTINGS_SEE], epilog="\b\nExample:\n  ENGAGE_WORKERS=4 engage settings")
@json_option
@click.pass_obj
def settings(session: Session, as_json: bool) -> None:
    """Print every setting, its value here, and its meaning.

    A value comes from the first of these that gives one: the command line, ENGAGE_<NAME>, the settings file, the
    default.
    """
    file, _ = settings_file(session.config, session.environment, session.folder)
    values = session.settings()
    table = table_of_settings()
    shown = {row.name: shown_value(getattr(values, row.name)) for row in table}
    if as_json:
        print_json(shown)
        return
    for row in table:
        console().print(f"{row.name} = {shown[row.name]}".rstrip(), style="bold")
        print_wrapped(f"    {row.description}", "    ")
    click.echo(f"settings file: {file}" if file.exists() else f"there is no settings file yet; it would be {file}")
    print_next(f"change one there, or for one run: {ENVIRONMENT_PREFIX}HTTP_PORT=8080 engage serve")
