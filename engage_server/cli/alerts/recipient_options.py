"""The options that every kind of recipient has."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engage_server.cli.output import print_next
from engage_server.cli.parameters import FilePath
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.files import read_file
from engage_server.records import AlertKind, ChannelKind

if TYPE_CHECKING:
    from engage_server.services.alerts.channels.terms import ChannelTerms

_F = TypeVar("_F", bound=Callable[..., Any])
_OF_PEOPLE = [each.value for each in AlertKind if each is not AlertKind.TEST]


def recipient_options(command: _F) -> _F:
    """``NAME``, ``--site`` and ``--kind``."""
    name = click.argument("name", metavar="NAME")
    sites = click.option(
        "--site",
        "sites",
        multiple=True,
        metavar="NAME",
        shell_complete=completions.sites,
        help="Only alerts about this site. Repeat it for each. [default: all sites]",
    )
    kinds = click.option(
        "--kind",
        "kinds",
        multiple=True,
        type=click.Choice(_OF_PEOPLE),
        metavar="KIND",
        help=f"Only alerts of this kind: {', '.join(_OF_PEOPLE)}. Repeat it for each. [default: all kinds]",
    )
    return name(sites(kinds(command)))


ca_option = click.option(
    "--ca-file",
    type=FilePath,
    metavar="FILE",
    help="PEM file with the certificates that its chain may lead to. [default: those that this machine trusts]",
)


def read_ca(file: Path | None) -> str:
    """What ``--ca-file`` holds. "" without it.

    Raises:
        FileNotUsable: It cannot be read.
        UsageError: It is not PEM.
    """
    from engage_server.services.alerts.channels.terms import MOST_TRUST_BYTES, read_trust

    return "" if file is None else read_trust(read_file(file, limit=MOST_TRUST_BYTES))


def add_recipient(
    session: Session,
    name: str,
    channel: ChannelKind,
    terms: "ChannelTerms",
    sites: Iterable[str],
    kinds: Iterable[str],
) -> None:
    """Add a recipient with these terms.

    Raises:
        UsageError: The name cannot be used, or there is one of this name, or no such site.
    """
    from engage_server.services.alerts.recipients import NewRecipient

    side = session.operator_side()
    named = tuple(sorted({side.sites.get(each).name for each in sites})) or None
    asked = NewRecipient(name, channel, named, tuple(dict.fromkeys(map(AlertKind, kinds))))
    side.alerting.recipients.add(asked, terms, session.acting(), session.occasion())


def print_added(name: str, to: str) -> None:
    """Say that alerts go there, and how to try it."""
    click.echo(f"alerts go to '{name}' ({to}) from now on")
    print_next(f"{program()} alert test {name}")
