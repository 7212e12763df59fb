"""``engage release drop``."""

import click

from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import release_argument, site_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.release.key_files import left_key
from engage_server.cli.session import Session
from engage_server.services.access.permissions import Act


@click.command(
    "drop",
    cls=AskingCommand,
    acts=[Act.RELEASE_DROP],
    epilog="\b\nExample:\n  engage release drop 3 --site main --reason 'built for the wrong host'",
)
@release_argument
@site_option
@json_option
@click.pass_obj
def drop_release(session: Session, number: int, site: str | None, as_json: bool) -> None:
    """Remove a staged release that was never served.

    Its private key is destroyed in the database, and the files in certs_dir that still hold it are named. A release
    that was served stays, because devices may hold its anchor. To destroy the key of such a release, use: engage
    release retire.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    left = left_key(session, operator, operator.releases.one(name, number))
    operator.releases.drop(name, number, session.reason, session.occasion())
    if as_json:
        print_json({"release": number, "site": name, **left.as_json()})
        return
    click.echo(f"dropped release {number} of {name}")
    left.print()
    print_next(left.next_or(f"{program()} release list --site {name}"))
