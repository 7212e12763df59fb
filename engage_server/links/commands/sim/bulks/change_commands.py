"""``engage sim tag`` and ``engage sim services``: changes of SIMs that may be many."""

from collections.abc import Sequence
from pathlib import Path

import click

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import counted, json_option, print_json
from engage_server.cli.parameters import sure_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.links.commands.sim.bulks.bulking import Manner, manner_options
from engage_server.links.commands.sim.bulks.ordering import assert_sure_of_all, order_bulk
from engage_server.links.commands.sim.bulks.plan_output import named
from engage_server.links.commands.sim.orders import assert_offered
from engage_server.links.commands.sim.paths.learning import learn
from engage_server.links.commands.sim.sim_accounts import (
    Chosen,
    account_option,
    chosen,
    group_option,
    site_option,
    tag_option,
    things_argument,
)
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.plans.writes import ServicesWrite, TagsWrite, Write
from engage_server.links.sim.things import Thing
from engage_server.services.access.permissions import Act

_MOST_CHARACTERS = 100
dry_run_option = click.option("--dry-run", is_flag=True, help="Show which SIMs would be changed, and change nothing.")


@click.group(cls=OrderedGroup, order=("add", "remove"))
def tag() -> None:
    """Tags of SIMs: they choose SIMs across Things Groups."""


@tag.command(
    acts=[Act.SIM_CHANGE],
    epilog="\b\nExamples:\n  engage sim tag add winter 8931440000000000001\n"
    "  engage sim tag add winter --site depot --yes",
)
@click.argument("name", metavar="TAG")
@things_argument
@account_option
@site_option
@group_option
@tag_option
@dry_run_option
@manner_options
@sure_option
@json_option
@click.pass_obj
def add(
    session: Session,
    name: str,
    things: tuple[str, ...],
    account: str | None,
    site: str | None,
    group: str,
    tag: str,
    dry_run: bool,
    at_once: int,
    per_minute: int,
    failures: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Add a tag to SIMs. Their other tags stay.

    A contract knows only the whole list. So each SIM is read just before it is written.
    """
    found = chosen(session, account, site)
    read = _read(session, found, things, group, tag, Operation.THINGS_SET_TAGS)
    write = TagsWrite(added=(_tag(name),))
    return _change(session, found, read, write, Manner(at_once, per_minute, failures, as_json), yes=yes, dry=dry_run)


@tag.command(
    acts=[Act.SIM_CHANGE],
    epilog="\b\nExamples:\n  engage sim tag remove winter --tag winter --yes\n"
    "  engage sim tag remove winter 8931440000000000001",
)
@click.argument("name", metavar="TAG")
@things_argument
@account_option
@site_option
@group_option
@tag_option
@dry_run_option
@manner_options
@sure_option
@json_option
@click.pass_obj
def remove(
    session: Session,
    name: str,
    things: tuple[str, ...],
    account: str | None,
    site: str | None,
    group: str,
    tag: str,
    dry_run: bool,
    at_once: int,
    per_minute: int,
    failures: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove a tag from SIMs. Their other tags stay."""
    found = chosen(session, account, site)
    read = _read(session, found, things, group, tag, Operation.THINGS_SET_TAGS)
    write = TagsWrite(removed=(_tag(name),))
    return _change(session, found, read, write, Manner(at_once, per_minute, failures, as_json), yes=yes, dry=dry_run)


@click.command(
    "services",
    cls=AskingCommand,
    acts=[Act.SIM_CHANGE],
    epilog="\b\nExamples:\n  engage sim services 8931440000000000001 --only data\n"
    "  engage sim services --site depot --only data --only sms",
)
@things_argument
@account_option
@site_option
@group_option
@tag_option
@click.option(
    "--only",
    "services_",
    multiple=True,
    required=True,
    metavar="SERVICE",
    help="A service that stays allowed, such as data or sms. Repeat it for each.",
)
@dry_run_option
@manner_options
@sure_option
@json_option
@click.pass_obj
def services(
    session: Session,
    things: tuple[str, ...],
    account: str | None,
    site: str | None,
    group: str,
    tag: str,
    services_: tuple[str, ...],
    dry_run: bool,
    at_once: int,
    per_minute: int,
    failures: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Allow SIMs only some services. A site needs data: without it, its doors are cut off.

    The document says that this removes weak points, and names data and SMS. Your contract may know more.
    """
    found = chosen(session, account, site)
    read = _read(session, found, things, group, tag, Operation.THINGS_SET_SERVICES)
    write = ServicesWrite(tuple(dict.fromkeys(services_)))
    return _change(session, found, read, write, Manner(at_once, per_minute, failures, as_json), yes=yes, dry=dry_run)


def _read(
    session: Session, found: Chosen, things: Sequence[str], group: str, with_tag: str, operation: Operation
) -> Sequence[Thing]:
    choice = found.choice(things, group, with_tag)
    assert_offered(found, operation)
    read = choice.read(found.account)
    learn(session, found, read)
    return read


def _change(
    session: Session, found: Chosen, read: Sequence[Thing], write: Write, manner: Manner, *, yes: bool, dry: bool
) -> int:
    changing = [each for each in read if not write.is_done(each)]
    if dry or not changing:
        _show(read, changing, write, found.account.name, as_json=manner.as_json)
        return 0
    if not yes:
        assert_sure_of_all(write.words(), changing)
    return order_bulk(session, found, write, changing, manner)


def _show(read: Sequence[Thing], changing: Sequence[Thing], write: Write, account: str, *, as_json: bool) -> None:
    if as_json:
        names = [each.thing for each in changing]
        print_json({"account": account, "bulk": None, "write": dict(write.stored()), "things": names})
    elif not changing:
        click.echo(f"{write.words()}: nothing to do, {named(read)}")
    else:
        click.echo(
            f"{write.words()}: {counted(len(changing), 'SIM')} of {len(read)} would be changed: {named(changing)}"
        )


def _tag(name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > _MOST_CHARACTERS:
        raise UsageError(
            "this cannot be a tag: it is empty, too long, or has a control character",
            f"Give a word of at most {_MOST_CHARACTERS} characters.",
        )
    return name
