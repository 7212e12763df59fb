"""``engage sim plan``."""

import click

from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.links.commands.sim.bulks.plan_output import Planned, print_plan
from engage_server.links.commands.sim.paths.learning import learn
from engage_server.links.commands.sim.sim_accounts import (
    account_option,
    chosen,
    group_option,
    site_option,
    state_option,
    tag_option,
    things_argument,
)
from engage_server.links.commands.sim.sim_json import move_json
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.plans.choosing import Choice
from engage_server.links.sim.plans.moves import move_of
from engage_server.links.sim.things import ThingState
from engage_server.services.access.permissions import Act

_EXAMPLES = """\b
Examples:
  engage sim plan --site depot --to SUSPENDED
  engage sim plan 8931440000000000001 --to RETIRED --json
"""


@click.command("plan", cls=AskingCommand, acts=[Act.SIM_SEE], epilog=_EXAMPLES)
@things_argument
@account_option
@site_option
@group_option
@tag_option
@state_option("--to", "The state that they would get.", required=True)
@json_option
@click.pass_obj
def plan(
    session: Session,
    things: tuple[str, ...],
    account: str | None,
    site: str | None,
    group: str,
    tag: str,
    state: str,
    as_json: bool,
) -> int:
    """Show what setting a state would mean. Nothing is changed.

    For each move, it says whether the document states it or only suggests it, and what it costs. PROVISIONED costs
    nothing until a SIM is ACTIVE. SUSPENDED is free of charge only if it lasts during the whole billing cycle. RETIRED
    ends all charges. By our reading it is final.

    Exit status 1 when a SIM would be left as it is although its state is another one.
    """
    found = chosen(session, account, site)
    after = ThingState(state)
    planned = planned_moves(found.account, found.choice(things, group, tag), after)
    learn(session, found, [thing for thing, _ in planned])
    if as_json:
        print_json(
            {
                "account": found.account.name,
                "to": after,
                "word": found.account.word_for(after) or None,
                "moves": [move_json(*each) for each in planned],
            }
        )
    else:
        print_plan(planned, found.links)
        ids = " ".join(things) or " ".join(_given(site=site, group=group, tag=tag))
        for_good = " --permanently" if after is ThingState.RETIRED else ""
        print_next(f'{program()} sim set {ids} --to {after}{for_good} --reason "..."')
    return int(any(move.is_refused for _, move in planned))


def planned_moves(account: SimAccount, choice: Choice, after: ThingState) -> Planned:
    """What setting a state means for each SIM that was chosen.

    Raises:
        NotFound: A SIM does not exist.
        UsageError: The contract has no word for the state (``sim.no_word``).
    """
    if account.offers(Operation.THINGS_SET_STATE) and not account.word_for(after):
        raise UsageError(
            f"the contract of account {account.name} has no word for {after}",
            "Choose another state, or add the word to the map.",
            code="sim.no_word",
        )
    return [(thing, move_of(thing, after)) for thing in choice.read(account)]


def _given(**options: str | None) -> list[str]:
    return [f"--{name} {value}" for name, value in options.items() if value]
