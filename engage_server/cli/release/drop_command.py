"""``engage release drop``."""

import click

from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import reason_option, release_argument, site_option
from engage_server.cli.program import program
from engage_server.cli.release.key_files import left_key
from engage_server.cli.session import Session


@click.command("drop", epilog="\b\nExample:\n  engage release drop 3 --site main --reason 'built for the wrong host'")
@release_argument
@site_option
@reason_option
@json_option
@click.pass_obj
def drop_release(session: Session, number: int, site: str | None, reason: str, as_json: bool) -> None:
    """Remove a staged release that was never served.

    Its private key is destroyed in the database, and the files in certs_dir that still hold it are named. A release
    that was served stays, because devices may hold its anchor. To destroy the key of such a release, use: engage
    release retire.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    left = left_key(session, operator, operator.releases.one(name, number))
    operator.releases.drop(name, number, reason, session.occasion())
    if as_json:
        print_json({"release": number, "site": name, **left.as_json()})
        return
    click.echo(f"dropped release {number} of {name}")
    left.print()
    print_next(left.next_or(f"{program()} release list --site {name}"))
