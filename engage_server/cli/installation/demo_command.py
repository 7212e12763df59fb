"""``engage demo``."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engage_server.cli.output import counted, json_option, print_json, print_next
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program, remember_config
from engage_server.cli.session import Session, closing
from engage_server.cli.shell import completions
from engage_server.composition.operators_listener import address
from engage_server.demo.size import DOORS, LEAST_DOORS, LEAST_NIGHTS, MOST_DOORS, MOST_NIGHTS, NIGHTS, DemoSize
from engage_server.errors import UsageError
from engage_server.services.access.people import LINK_GOOD_FOR
from engage_server.services.access.permissions import Act

if TYPE_CHECKING:
    from engage_server.demo.filling import Demonstration

_MINUTES = LINK_GOOD_FOR.seconds // 60


@click.command(
    cls=AskingCommand,
    acts=[Act.INSTALLATION_MAKE],
    epilog="\b\nExamples:\n  engage demo /tmp/engage-demo\n  engage demo /tmp/small --doors 20 --nights 14",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path), shell_complete=completions.files)
@click.option(
    "--doors",
    type=click.IntRange(LEAST_DOORS, MOST_DOORS),
    default=DOORS,
    show_default=True,
    help="How many doors there are, at all three sites together.",
)
@click.option(
    "--nights",
    type=click.IntRange(LEAST_NIGHTS, MOST_NIGHTS),
    default=NIGHTS,
    show_default=True,
    help="How many nights lie behind them.",
)
@json_option
@click.pass_obj
def demo(session: Session, folder: Path, doors: int, nights: int, as_json: bool) -> None:
    """Make a demonstration to look at: doors and nights.

    It is a separate installation, which you remove when you have seen enough. Its doors are virtual, and the time is
    simulated. There are three sites, rotations, people and an audit log, and a few doors in trouble. The history ends
    now. In the nights after that, no door calls.

    DIR must be new or empty. Nothing of another installation is read or changed. Nothing in DIR is evidence: all sites
    are for trials, and each call is marked as a virtual lock's.

    The doors are the same each time. The keys are always new.
    """
    from engage_server.demo.filling import fill
    from engage_server.demo.people import GUEST, invite_guest
    from engage_server.demo.throwaway import SETTINGS_FILE, assert_alone

    if session.config is not None:
        raise UsageError("a demonstration makes its own settings file", "Leave out --config.")
    assert_alone(session.environment)
    where = (session.folder / folder).absolute()
    made = fill(where, DemoSize(doors, nights), session.now(), partial(click.echo, err=as_json))
    side = closing(made.side)
    remember_config(where / SETTINGS_FILE)
    secret = invite_guest(side.access, session.occasion())
    _print(made, GUEST, f"{address(made.settings, by_browser=True)}/", secret, where, nights, as_json=as_json)


def _print(
    made: "Demonstration", guest: str, console: str, secret: str, folder: Path, nights: int, *, as_json: bool
) -> None:
    """Print what was made, and the link. It holds a secret: it goes to standard output, and nowhere else."""
    link = f"{console}sign-in/{secret}"
    sites = [(site, len(made.doors[site.name])) for site in made.side.sites.all()]
    if as_json:
        rows = [
            {"site": site.name, "title": site.title, "time_zone": site.time_zone, "devices": count}
            for site, count in sites
        ]
        person = {"person": guest, "link": link, "minutes": _MINUTES}
        print_json({"folder": str(folder), "nights": nights, "sites": rows, "serve": f"{program()} serve", **person})
        return
    for site, count in sites:
        click.echo(f'  {site.name} "{site.title}": {counted(count, "door")}')
    click.echo(
        f"made a demonstration in {folder}. Nothing in it is evidence. Remove the folder when you have seen enough.\n"
        f"The link below works once, within {_MINUTES} minutes. For another one: {program()} people reset {guest}"
    )
    print_next(f"{program()} serve")
    click.echo(f"Console: {console} (sign in once with: {link})")
