"""What the commands of networks share: a list in a network or profile, and one order that changes it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from engage_server.cli.output import print_next, print_wrapped
from engage_server.cli.parameters import FoundOption, sure_option
from engage_server.cli.program import program
from engage_server.cli.questions import assert_sure
from engage_server.cli.session import Session
from engage_server.links.commands.sim.entries import holds, lists_of, print_entries, read_one
from engage_server.links.commands.sim.orders import assert_offered, order_once, print_answer
from engage_server.links.commands.sim.sim_accounts import Chosen
from engage_server.links.sim.account import Entry, Values
from engage_server.links.sim.operations import Operation
from engage_server.records import AuditAction

__all__ = ["network_option", "order_in_network", "port_type", "print_list_in", "sure_option"]

port_type = click.IntRange(1, 65535)
network_option = click.option(
    "--network",
    cls=FoundOption,
    found_with="sim list --what networks",
    required=True,
    metavar="ID",
    help="The Network. List them: engage sim list --what networks.",
)


def print_list_in(
    found: Chosen,
    operation: Operation,
    values: Mapping[str, str],
    words: tuple[str, ...],
    empty: str,
    *,
    as_json: bool,
    hidden: tuple[str, ...] = (),
) -> None:
    """Print one list of a network or profile, as the contract has it.

    Args:
        found: The account.
        operation: What reads the network or profile.
        values: Which one.
        words: The list is the one whose name has one of these words. If there is none, all is printed.
        empty: The sentence for an empty list.
        as_json: Whether JSON was asked for.
        hidden: Fields whose name has one of these words are left out.

    Raises:
        NotFound: There is no such network or profile.
    """
    assert_offered(found, operation)
    listing = Operation.PROFILES_LIST if operation is Operation.PROFILES_READ else Operation.NETWORKS_LIST
    entries = read_one(found.account, operation, values, listing)
    lists = [found_list for each in entries if (found_list := lists_of(each, *words)) is not None]
    shown = [each for one in lists for each in one] if lists else entries
    if not lists:
        click.echo(
            f"note: the answer has no such list, so all of it is shown. Looked for: {', '.join(words)}", err=True
        )
    if not shown and not as_json:
        print_wrapped(empty, "")
    else:
        print_entries((_seen(each, hidden) for each in shown), empty, as_json=as_json)
    if not as_json:
        print_next(f"{program()} sim list --what {listing.value.partition('.')[0]}")


def order_in_network(
    session: Session,
    found: Chosen,
    operation: Operation,
    values: Values,
    *,
    of: str,
    change: str,
    yes: bool,
    as_json: bool,
    see: str,
) -> None:
    """Ask, record, and change a network or profile once.

    Args:
        session: This run.
        found: The account.
        operation: The write.
        values: Its values. A secret may be among them.
        of: What is changed, such as ``network net-1``.
        change: How, in words. Never a secret.
        yes: Whether nobody is asked.
        as_json: Whether JSON was asked for.
        see: The command that shows the list afterwards.
    """
    assert_offered(found, operation)
    if not yes:
        assert_sure(f"{of}: {change}?")
    action = AuditAction.SIM_NETWORK_CHANGE_ORDERED
    answer = order_once(session, found, operation, values, action, of=of, change=change)
    shown = replace(answer, shown=without_secrets(answer.shown, values))
    print_answer(shown, f"{of}: {change}: {'accepted' if answer.is_accepted else 'done'}", as_json=as_json)
    if not as_json:
        print_next(f"{program()} {see}")


def without_secrets(answer: Entry, values: Values) -> Entry:
    """An answer without the shared secret, which some contracts repeat."""
    secret = values.get("shared_secret")
    return {name: value for name, value in answer.items() if not holds(value, secret)}


def _seen(value: Any, hidden: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        shown = {name: each for name, each in value.items() if not any(word in str(name).lower() for word in hidden)}
        return {name: _seen(each, hidden) for name, each in shown.items()}
    return [_seen(each, hidden) for each in value] if isinstance(value, list) else value
