"""``engage sim list``."""

from collections.abc import Iterator
from typing import Final

import click

from engage_server.cli.output import json_option, print_json_list, print_next, print_table
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.links.commands.sim.entries import print_entries
from engage_server.links.commands.sim.orders import assert_offered
from engage_server.links.commands.sim.paths.learning import learn, seen
from engage_server.links.commands.sim.sim_accounts import (
    Chosen,
    account_option,
    chosen,
    group_option,
    site_option,
    state_option,
    tag_option,
)
from engage_server.links.commands.sim.sim_json import thing_json
from engage_server.links.sim.carried import things_of
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.things import Thing, ThingState
from engage_server.services.access.permissions import Act

_WHAT: Final = {
    "groups": Operation.GROUPS_LIST,
    "networks": Operation.NETWORKS_LIST,
    "profiles": Operation.PROFILES_LIST,
    "users": Operation.USERS_LIST,
}
_NEXT: Final = {
    "groups": "list --group ID",
    "networks": "nat list --network ID",
    "profiles": "rule list ID",
    "users": "user add NAME --email ADDRESS --permission WORD",
}
_EXAMPLES = """\b
Examples:
  engage sim list
  engage sim list --site depot
  engage sim list --tag winter --state SUSPENDED --json
  engage sim list --what profiles
"""
COLUMNS: Final = ("SIM (Thing)", "state", "group", "tags", "IMEI", "address", "session")


@click.command("list", cls=AskingCommand, acts=[Act.SIM_SEE], epilog=_EXAMPLES)
@account_option
@site_option
@group_option
@tag_option
@state_option("--state", "Only SIMs in this state.")
@click.option(
    "--what",
    type=click.Choice(["things", *_WHAT]),
    default="things",
    show_default=True,
    help="What to list. All but things are printed as the contract has them.",
)
@json_option
@click.pass_obj
def list_command(
    session: Session,
    account: str | None,
    site: str | None,
    group: str,
    tag: str,
    state: str | None,
    what: str,
    as_json: bool,
) -> None:
    """List the SIMs of an account, as their operator has them.

    Things Groups, Networks, IP Profiles and users of the account are listed with --what.
    """
    if what != "things":
        if site or group or tag or state:
            raise UsageError(f"--what {what} lists the whole account", "Leave --site, --group, --tag and --state out.")
        found = chosen(session, account)
        assert_offered(found, _WHAT[what])
        print_entries(found.account.entries(_WHAT[what]), f"account {found.account.name} has none", as_json=as_json)
        if not as_json:
            print_next(f"{program()} sim {_NEXT[what]}")
        return
    found = chosen(session, account, site)
    read: list[Thing] = []
    things = seen(_things(found, group, tag, None if state is None else ThingState(state)), read)
    if as_json:
        print_json_list(thing_json(each) for each in things)
    else:
        print_table(COLUMNS, (thing_row(each) for each in things), "there is no such SIM")
    learn(session, found, read)
    if not as_json:
        print_next(f"{program()} sim show THING")


def thing_row(thing: Thing) -> tuple[str, ...]:
    """A SIM as a row of a table, in the order of :data:`COLUMNS`."""
    address = f"{thing.address} (locked)" if thing.is_locked and thing.address else thing.address
    session = {True: "yes", False: "no", None: ""}[thing.is_connected]
    return thing.thing, state_of(thing), thing.group, ", ".join(thing.tags), thing.imei, address, session


def state_of(thing: Thing) -> str:
    """The state of a SIM, for people: the document's word, or the contract's where it is another one."""
    return thing.state.value if thing.state is not None else f"? ({thing.word or 'not said'})"


def _things(found: Chosen, group: str, tag: str, state: ThingState | None) -> Iterator[Thing]:
    if not found.site:
        yield from found.account.things(group=group, tag=tag, state=state)
        return
    seen = set[str]()
    for link in found.of_site:
        for each in things_of(link, found.account):
            fits = group in ("", each.group) and (not tag or tag in each.tags) and state in (None, each.state)
            if fits and each.thing not in seen:
                seen.add(each.thing)
                yield each
