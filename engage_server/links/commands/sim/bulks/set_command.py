"""``engage sim set``."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import sure_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.links.commands.sim.bulks.bulk_commands import resume_bulk
from engage_server.links.commands.sim.bulks.bulking import Manner, manner_options
from engage_server.links.commands.sim.bulks.ordering import assert_retired_for_good, assert_sure_of_all, order_bulk
from engage_server.links.commands.sim.bulks.plan_command import planned_moves
from engage_server.links.commands.sim.bulks.plan_output import Planned, print_plan
from engage_server.links.commands.sim.orders import assert_offered
from engage_server.links.commands.sim.paths.learning import learn
from engage_server.links.commands.sim.sim_accounts import (
    Chosen,
    account_option,
    chosen,
    group_option,
    site_option,
    state_option,
    tag_option,
    things_argument,
)
from engage_server.links.commands.sim.sim_json import move_json
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.plans.outcomes import Failure, Outcome, Trouble
from engage_server.links.sim.plans.writes import StateWrite
from engage_server.links.sim.things import Thing, ThingState
from engage_server.services.access.permissions import Act

_EXAMPLES = """\b
Examples:
  engage sim set 8931440000000000001 --to ACTIVE --reason "new router"
  engage sim set --site depot --to SUSPENDED --reason "closed for the winter"
  engage sim set --tag winter --to ACTIVE --dry-run
  engage sim set --tag winter --to ACTIVE --yes --at-once 4 --failures failed.json
  engage sim set 8931440000000000001 --to RETIRED --permanently --reason "router was stolen"
  engage sim set --resume

Exit status 1 when some did not work, 3 when some are left.
"""


@click.command("set", cls=AskingCommand, acts=[Act.SIM_SET, Act.SIM_RETIRE], epilog=_EXAMPLES)
@things_argument
@account_option
@site_option
@group_option
@tag_option
@state_option("--to", "The state that they get.")
@click.option("--permanently", is_flag=True, help="For --to RETIRED, which is final by our reading.")
@click.option("--dry-run", is_flag=True, help="Show what would move, and change nothing.")
@click.option("--resume", is_flag=True, help="Go on with the bulk that was interrupted. See also: engage sim bulk.")
@manner_options
@sure_option
@json_option
@click.pass_obj
def set_command(
    session: Session,
    things: tuple[str, ...],
    account: str | None,
    site: str | None,
    group: str,
    tag: str,
    state: str | None,
    permanently: bool,
    dry_run: bool,
    resume: bool,
    at_once: int,
    per_minute: int,
    failures: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Set the state of SIMs.

    First it shows what would move, and asks. Each write is written down before it is sent and after it was answered. So
    a bulk that was interrupted can be taken up again, and no SIM is written twice. What the SIMs of a site say of its
    path is recorded at once.

    A suspended SIM cuts off all doors behind it. RETIRED needs --permanently, and you type what is retired.
    """
    manner = Manner(at_once, per_minute, failures, as_json)
    if resume:
        _assert_alone(things, site, group, tag, state)
        return resume_bulk(session, None, account, manner, yes=yes)
    after = _wanted(state, permanently)
    found = chosen(session, account, site)
    choice = found.choice(things, group, tag)
    assert_offered(found, Operation.THINGS_SET_STATE)
    planned = planned_moves(found.account, choice, after)
    learn(session, found, [thing for thing, _ in planned])
    moving = [thing for thing, move in planned if move.is_needed]
    refused = tuple(
        Failure(thing.thing, Outcome.FAILED, Trouble("sim.final", move.why))
        for thing, move in planned
        if move.is_refused
    )
    if dry_run or not moving:
        _show(planned, after, found, as_json=as_json)
        if dry_run and moving and not as_json:
            print_next("the same command without --dry-run does it")
        return int(bool(refused))
    if not as_json:
        print_plan(planned, found.links)
    _ask(moving, after, yes=yes)
    return order_bulk(session, found, StateWrite(after), moving, replace(manner, left_alone=refused))


def _wanted(state: str | None, permanently: bool) -> ThingState:
    if state is None:
        raise UsageError("no state is given", "Give --to STATE, or --resume.")
    after = ThingState(state)
    if after is ThingState.RETIRED and not permanently:
        raise UsageError(
            "RETIRED is final by our reading",
            "If the SIM is out of service for good, add --permanently. Otherwise use --to SUSPENDED.",
            code="sim.permanently",
        )
    if permanently and after is not ThingState.RETIRED:
        raise UsageError("--permanently is for RETIRED alone", f"Leave it out: {after} can be changed again.")
    return after


def _ask(moving: Sequence[Thing], after: ThingState, *, yes: bool) -> None:
    if after is ThingState.RETIRED:
        assert_retired_for_good(moving)  # --yes does not answer this: nothing leads back
    elif not yes:
        assert_sure_of_all(f"set to {after}", moving)


def _show(planned: Planned, after: ThingState, found: Chosen, *, as_json: bool) -> None:
    if as_json:
        moves = [move_json(*each) for each in planned]
        print_json({"account": found.account.name, "to": after, "bulk": None, "moves": moves})
    else:
        print_plan(planned, found.links)


def _assert_alone(*given: object) -> None:
    if any(given):
        raise UsageError("--resume goes on with what was ordered before", "Leave SIMs and --to out.")
