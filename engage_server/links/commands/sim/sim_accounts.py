"""Which account and which SIMs a command means, and the options that say so."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import NotFound, UsageError
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.links.registry.table import did_you_mean
from engage_server.links.sim import accounts
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.plans.choosing import Choice
from engage_server.links.sim.plans.journal import bulks
from engage_server.links.sim.things import ThingState

_F = TypeVar("_F", bound=Callable[..., Any])
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", re.ASCII)
_BULK_FOLDER = ("sim", "bulk")
WAYS = "THING..., --site, or --group and --tag"


def account_names(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Names of accounts, for a shell."""
    try:
        names = links_file_of(_session_of(context)).sim
    except Exception:  # whatever it is, the command itself will report it
        return []
    return [name for name in names if name.startswith(typed)]


def bulk_names(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Names of bulks, for a shell, newest first."""
    try:
        names = [file.stem for file in bulks(bulk_folder(_session_of(context)))]
    except Exception:  # as above
        return []
    return [name for name in reversed(names) if name.startswith(typed)]


account_option = click.option(
    "--account",
    metavar="NAME",
    shell_complete=account_names,
    help="The account: [sim.NAME] in links.toml. [default: the only one, or the site's]",
)
site_option = click.option(
    "--site", metavar="NAME", shell_complete=completions.sites, help="The SIMs that carry this site, by links.toml."
)
group_option = click.option("--group", default="", metavar="ID", help="The SIMs of this Things Group.")
tag_option = click.option("--tag", default="", metavar="TAG", help="The SIMs with this tag, in whatever group.")
things_argument = click.argument("things", nargs=-1, metavar="[THING]...")
thing_argument = click.argument("thing", required=False, metavar="[THING]")


@dataclass(frozen=True, slots=True)
class Chosen:
    """An account, and the links of its SIMs.

    Attributes:
        account: The account, open.
        links: All links whose SIMs it has.
        of_site: Those of the site that was named. Empty if none was.
        site: The site that was named, or "".
    """

    account: SimAccount
    links: Sequence[SimLink]
    of_site: Sequence[SimLink]
    site: str

    def choice(self, things: Sequence[str], group: str = "", tag: str = "") -> Choice:
        """What was chosen on the command line.

        Raises:
            UsageError: Nothing was, or two ways contradict each other.
        """
        choice = Choice(tuple(things), tuple(self.of_site), group, tag)
        choice.assert_clear(WAYS)
        return choice

    def one_thing(self, thing: str | None) -> str:
        """The identity of the one SIM that is meant: the one that was named, or the site's only one.

        Raises:
            UsageError: It is none, or several.
        """
        if thing is not None and self.of_site:
            raise UsageError("SIMs are chosen in two ways", "Give THING or --site, not both.")
        if thing is not None:
            return thing
        if not self.of_site:
            raise UsageError("no SIM is chosen", f"Give THING, or --site NAME. List the SIMs: {program()} sim list")
        found = [each.thing for each in Choice(links=tuple(self.of_site)).read(self.account)]
        if len(found) > 1:
            raise UsageError(
                f"site {self.site} has {len(found)} SIMs", f"Name one of them: engage sim list --site {self.site}"
            )
        return found[0]


def links_file_of(session: Session) -> LinksFile:
    """``links.toml``.

    Raises:
        SettingsInvalid: It is missing, or cannot be used.
    """
    settings = session.settings()
    return read_links_file(settings.links_file, settings.links_bind, settings.links_port)


def chosen(session: Session, account: str | None, site: str | None = None) -> Chosen:
    """Open the account that a command means.

    Args:
        session: This run.
        account: The name that was given. None: the site's, or the only one.
        site: The site that was given. None: none was.

    Raises:
        NotFound: There is no such account, or the site has no SIM (``sim_account.not_found``, ``sim.no_link``).
        UsageError: There are several.
        SettingsInvalid: ``links.toml`` or the account's files cannot be used.
    """
    file = links_file_of(session)
    links = accounts.read_sim_links(file)
    of_site = [link for link in links if link.site == site and account in (None, link.account)]
    if site is not None and not of_site:
        raise _no_link(file, site, account, links)
    name = account or _only({link.account: None for link in of_site} or dict.fromkeys(file.sim), file)
    opened = accounts.open_account(file, name)
    return Chosen(opened, [link for link in links if link.account == name], of_site, site or "")


def pasted(thing: str) -> str:
    """A SIM's identity, in a command that can be pasted. What could mean something to a shell is left out."""
    return thing if _PLAIN.fullmatch(thing) else "THING"


def bulk_folder(session: Session) -> Path:
    """The folder of the bulks."""
    return session.settings().links_dir.joinpath(*_BULK_FOLDER)


def state_option(name: str, what: str, *, required: bool = False) -> Callable[[_F], _F]:
    """An option that takes a state of the document."""
    return click.option(
        name,
        "state",
        type=click.Choice([each.value for each in ThingState], case_sensitive=False),
        required=required,
        help=what,
    )


def _session_of(context: click.Context) -> Session:
    """The session of a command that a shell completes: nobody has made one yet."""
    return Session(context.find_root().params.get("config"))


def _only(names: dict[str, None], file: LinksFile) -> str:
    if not names:
        raise NotFound(
            f"{file.where.file} has no account of an operator of SIMs",
            "Add a table [sim.NAME]. docs/sim.md has an example.",
            code="sim_account.not_found",
        )
    if len(names) > 1:
        raise UsageError(f"there are several accounts: {', '.join(names)}", "Name one of them: --account NAME.")
    return next(iter(names))


def _no_link(file: LinksFile, site: str, account: str | None, links: Sequence[SimLink]) -> NotFound:
    of_account = f" of account {account}" if account else ""
    known = sorted({link.site for link in links if account in (None, link.account)})
    hint = did_you_mean(site, known)
    there_are = f"Sites that it has: {', '.join(known)}. Name one, or add" if known else "Add"
    return NotFound(
        f"{file.where.file} has no link of SIMs{of_account} to site {site}{'.' * bool(hint)}{hint}",
        f'{there_are} a table [links.NAME] with site = "{site}" and partner = "sim". docs/sim.md has an example.',
        code="sim.no_link",
    )
