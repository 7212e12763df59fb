"""``engage release compare``."""

import click

from engage_server.as_json.releases import comparison_json
from engage_server.cli.output import json_option, print_json, print_next, print_table, print_wrapped
from engage_server.cli.parameters import Numbered, site_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.services.access.permissions import Act
from engage_server.services.releases.views.comparison import compared


@click.command(
    "compare",
    cls=AskingCommand,
    acts=[Act.RELEASE_SEE],
    epilog="\b\nExample:\n  engage release compare 1 2 --site main",
)
@click.argument("first", type=Numbered, metavar="FIRST", shell_complete=completions.releases)
@click.argument("second", type=Numbered, metavar="SECOND", shell_complete=completions.releases)
@site_option
@json_option
@click.pass_obj
def compare_releases(session: Session, first: int, second: int, site: str | None, as_json: bool) -> None:
    """Compare two releases, and how doors respond to them.

    Only doors that certainly accept the first release are counted.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    found = compared(operator.releases, operator.held_anchors, name, (first, second), session.now())
    if as_json:
        print_json(comparison_json(found))
        return
    rows = [(each.what, "" if each.is_same else "*", each.first, each.second) for each in found.rows]
    print_table([f"site {name}", "", f"release {first}", f"release {second}"], rows, "")
    click.echo("* is different")
    print_wrapped(found.sentence, "  ")
    if found.reception.refuse:
        print_wrapped(f"  {', '.join(each.title for each in found.reception.refusing)}", "    ")
    print_next(f"{program()} release show {second} --site {name}")
