"""``engage device remove``, ``engage release drop``, ``engage site remove`` and ``engage site rename``."""

import click

from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import Numbered, reason_option, site_option
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.services.sites.serials import read_serial

sure_option = click.option("--yes", is_flag=True, help="Do not ask whether you are sure.")


@click.command(
    "remove",
    epilog="\b\nExample:\n  engage device remove 0000000000000000A0B1000000000206 --site north --reason 'door removed'",
)
@click.argument("serial", metavar="SERIAL")
@click.option("--site", metavar="NAME", help="The site that it belongs to. [default: the only one that knows it]")
@reason_option
@sure_option
@json_option
@click.pass_obj
def remove_device(session: Session, serial: str, site: str | None, reason: str, yes: bool, as_json: bool) -> None:
    """Remove a device from a site: from its list, with its evidence and its files.

    If it calls again, it is a new device. To drop its evidence alone: engage device forget.
    """
    identity, removal = read_serial(serial), session.operator_side().removal
    name = removal.site_of(identity, site)
    if not yes:
        click.confirm(f"remove device {identity} and its files from site {name}?", abort=True, err=True)
    removal.device(identity, name, reason, session.occasion())
    if as_json:
        print_json({"device": identity, "site": name})
        return
    click.echo(f"removed {identity} from {name}")
    print_next(f"{program()} device list --site {name}")


@click.command("drop", epilog="\b\nExample:\n  engage release drop 3 --site main --reason 'built for the wrong host'")
@click.argument("number", type=Numbered, metavar="N")
@site_option
@reason_option
@json_option
@click.pass_obj
def drop_release(session: Session, number: int, site: str | None, reason: str, as_json: bool) -> None:
    """Remove a release that was staged and never served, with its private key.

    One that was served stays, because devices may hold its anchor: engage release retire destroys its key.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name
    operator.releases.drop(name, number, reason, session.occasion())
    if as_json:
        print_json({"release": number, "site": name})
        return
    click.echo(f"dropped release {number} of {name}")
    print_next(f"{program()} release list --site {name}")


@click.command("rename", epilog="\b\nExample:\n  engage site rename north west --reason 'the building was sold'")
@click.argument("name")
@click.argument("new", metavar="NEW")
@reason_option
@json_option
@click.pass_obj
def rename_site(session: Session, name: str, new: str, reason: str, as_json: bool) -> None:
    """Give a site another name. Stop the servers on every host first.

    Its key, releases, list of devices, evidence and files stay its own. The audit log keeps the old name where it
    stands. Folders of chains keep their names.
    """
    session.operator_side().renaming.rename(name, new, reason, session.occasion())
    if as_json:
        print_json({"site": new, "before": name})
        return
    click.echo(f"site {name} is called {new} now")
    print_next(f"{program()} serve")


@click.command(
    "remove",
    epilog="\b\nExamples:\n  engage site export-key old /media/safe/old.key\n"
    "  engage site remove old --reason 'the building was sold'\n"
    "  engage site remove tryout --destroy-site-key tryout --yes",
)
@click.argument("name")
@click.option(
    "--destroy-site-key", metavar="NAME", help="Give up a site key that was never exported: the site's name once more."
)
@reason_option
@sure_option
@json_option
@click.pass_obj
def remove_site(
    session: Session, name: str, destroy_site_key: str | None, reason: str, yes: bool, as_json: bool
) -> None:
    """Remove a site: its key, releases, list of devices and evidence.

    Refused while its key was never exported, because devices know no other. Refused without a reason while doors
    called within 30 days. Files of its devices and the folders of its chains stay.
    """
    if destroy_site_key is not None and destroy_site_key != name:
        raise UsageError(
            f"--destroy-site-key names {destroy_site_key!r}, not {name!r}", f"Write --destroy-site-key {name}."
        )
    operator, occasion = session.operator_side(), session.occasion()
    operator.removal.assert_site_removable(name, destroy_site_key is not None, reason, occasion)
    if not yes and click.prompt(f"to remove site {name} for good, type its name", err=True) != name:
        raise click.Abort
    operator.removal.site(name, destroy_site_key is not None, reason, occasion)
    folder = session.settings().data_dir / name
    if as_json:
        print_json({"site": name, "files": str(folder) if folder.exists() else None})
        return
    click.echo(f"removed site {name}")
    if folder.exists():
        click.echo(f"the files of its devices are still in {folder}")
    print_next(f"{program()} site list")
