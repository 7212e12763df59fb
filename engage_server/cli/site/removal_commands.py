"""``engage site rename`` and ``engage site remove``."""

import click

from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import site_argument, sure_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.questions import assert_named
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.services.access.permissions import Act


@click.command(
    "rename",
    cls=AskingCommand,
    acts=[Act.SITE_RENAME],
    epilog="\b\nExample:\n  engage site rename north west --reason 'the building was sold'",
)
@site_argument
@click.argument("new", metavar="NEW")
@json_option
@click.pass_obj
def rename_site(session: Session, name: str, new: str, as_json: bool) -> None:
    """Give a site another name. Stop the servers on every host first.

    The site keeps its key, releases, list of devices, evidence and files. Earlier entries of the audit log keep the old
    name, and so do folders of chains.
    """
    session.operator_side().renaming.rename(name, new, session.reason, session.occasion())
    if as_json:
        print_json({"site": new, "before": name})
        return
    click.echo(f"site {name} is called {new} now")
    print_next(f"{program()} serve")


@click.command(
    "remove",
    cls=AskingCommand,
    acts=[Act.SITE_REMOVE],
    epilog="\b\nExamples:\n  engage site export-key old /media/safe/old.key\n"
    "  engage site remove old --reason 'the building was sold'\n"
    "  engage site remove tryout --destroy-site-key tryout --yes",
)
@site_argument
@click.option(
    "--destroy-site-key", metavar="NAME", help="Destroy a site key that was never exported. Repeat the site's name."
)
@sure_option
@json_option
@click.pass_obj
def remove_site(session: Session, name: str, destroy_site_key: str | None, yes: bool, as_json: bool) -> None:
    """Remove a site with its key, releases, devices and evidence.

    The command is refused until the site's key was exported, because devices know no other key. It is refused without a
    reason if doors called within 30 days. The files of its devices and the folders of its chains stay.
    """
    if destroy_site_key is not None and destroy_site_key != name:
        raise UsageError(
            f"--destroy-site-key names {destroy_site_key!r}, not {name!r}", f"Write --destroy-site-key {name}."
        )
    operator, occasion = session.operator_side(), session.occasion()
    operator.removal.assert_site_removable(name, destroy_site_key is not None, session.reason, occasion)
    if not yes:
        assert_named(name, f"to remove site {name} for good")
    operator.removal.site(name, destroy_site_key is not None, session.reason, occasion)
    folder = session.settings().data_dir / name
    if as_json:
        print_json({"site": name, "files": str(folder) if folder.exists() else None})
        return
    click.echo(f"removed site {name}")
    if folder.exists():
        click.echo(f"the files of its devices are still in {folder}")
    print_next(f"{program()} site list")
