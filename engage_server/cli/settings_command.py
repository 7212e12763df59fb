"""``engage settings``."""

import click

from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.session import Session
from engage_server.settings import ENVIRONMENT_PREFIX, Settings, shown_value


@click.command(epilog="\b\nExample:\n  ENGAGE_WORKERS=4 engage settings")
@json_option
@click.pass_obj
def settings(session: Session, as_json: bool) -> None:
    """Print every setting, its value here, and its meaning.

    A value comes from the command line, else from ENGAGE_<NAME>, else from the settings file, else it is the default.
    """
    values = session.settings()
    shown = {name: shown_value(getattr(values, name)) for name in Settings.model_fields}
    if as_json:
        print_json(shown)
        return
    rows = [(name, shown[name], field.description) for name, field in Settings.model_fields.items()]
    print_table(["setting", "value", "meaning"], rows, "")
    print_next(f"change one in engage.toml, or for one run: {ENVIRONMENT_PREFIX}HTTP_PORT=8080 engage serve")
