"""``engage release retire``."""

import click

from engage_server.as_json.releases import release_json
from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import Numbered, site_option, sure_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.questions import assert_sure
from engage_server.cli.release.key_files import left_key
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.records import ReleaseState
from engage_server.services.access.permissions import Act


@click.command(
    "retire",
    cls=AskingCommand,
    acts=[Act.RELEASE_RETIRE],
    epilog='\b\nExample:\n  engage release retire 1 --site main --yes --reason "all doors hold the new anchor"',
)
@click.argument("number", type=Numbered, metavar="N", shell_complete=completions.former_releases)
@site_option
@sure_option
@json_option
@click.pass_obj
def retire_release(session: Session, number: int, site: str | None, yes: bool, as_json: bool) -> None:
    """Destroy the private key of a former release.

    Nobody can go back to the release afterwards. Its anchor stays downloadable for devices. The prompt says whether it
    is safe, that is, whether all doors hold the anchor of the current release. 'engage release list' says the same.

    The key in the database is destroyed. Files are not removed: the command names those in certs_dir that hold the same
    key. It does not find encrypted files, or copies elsewhere. If another release has the same key, it names that one.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    if operator.releases.one(name, number).state is ReleaseState.RETIRED:
        click.echo(operator.held_anchors.advice_on(name, [number], session.now()).sentence, err=True)
    if not yes:
        assert_sure(f"destroy the key of release {number} of {name}, so that nobody can go back to it?")
    retired = operator.releases.retire(name, number, session.reason, session.occasion())
    left = left_key(session, operator, retired)
    if as_json:
        print_json(release_json(retired) | left.as_json())
        return
    click.echo(f"release {number} of {name} is retired: its private key is destroyed in the database")
    left.print()
    print_next(left.next_or(f"{program()} release list --site {name}"))
