"""Orders that concern many SIMs: a question, one audit entry, and then one write after another."""

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from engage_server.cli.output import printable
from engage_server.cli.program import program
from engage_server.cli.questions import assert_sure
from engage_server.cli.session import Session
from engage_server.errors import Refused
from engage_server.files import make_folder
from engage_server.links.commands.sim.bulks.bulking import Manner, run_bulk
from engage_server.links.commands.sim.bulks.plan_output import named
from engage_server.links.commands.sim.sim_accounts import Chosen, bulk_folder
from engage_server.links.sim.plans.journal import BulkHead, begin_bulk, bulks, forget_old_bulks, has_ended
from engage_server.links.sim.plans.taking_up import alone
from engage_server.links.sim.plans.writes import StateWrite, Write
from engage_server.links.sim.things import Thing, ThingState
from engage_server.records import AuditAction


def order_bulk(session: Session, chosen: Chosen, write: Write, things: Sequence[Thing], manner: Manner) -> int:
    """Record what is ordered, and do it to each SIM.

    Args:
        session: This run.
        chosen: The account.
        write: What is done.
        things: Each SIM that is not as it is to be yet. At least one.
        manner: How it is run.

    Returns:
        The exit status.
    """
    folder = bulk_folder(session)
    make_folder(folder)
    with alone(folder):
        forget_old_bulks(folder)
        _tell_unfinished(folder)
        head = _recorded(session, chosen, write, [each.thing for each in things])
        with begin_bulk(folder, head) as journal:
            return run_bulk(session, chosen, journal, {each.thing: each for each in things}, manner)


def _recorded(session: Session, chosen: Chosen, write: Write, names: Sequence[str]) -> BulkHead:
    """Put the order into the audit log, and return what the bulk is to do."""
    occasion = session.occasion()
    bulk = f"{occasion.now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    facts = {"state": write.state.value} if isinstance(write, StateWrite) else {"change": write.words()}
    whose = {"thing": names[0]} if len(names) == 1 else {"things": str(len(names))}
    session.operator_side().sim_orders.record(
        _action(write), occasion, chosen.site, account=chosen.account.name, bulk=bulk, **facts, **whose
    )
    return BulkHead(bulk, chosen.account.name, write, tuple(names), occasion.now, occasion.actor, occasion.reason)


def _tell_unfinished(folder: Path) -> None:
    for file in bulks(folder):
        if not has_ended(file):
            click.echo(f"note: bulk {file.stem} was interrupted. See: {program()} sim bulk list", err=True)


def assert_sure_of_all(what: str, things: Sequence[Thing]) -> None:
    """Ask before SIMs are changed.

    Args:
        what: What will be done, such as ``set to SUSPENDED``.
        things: To which.

    Raises:
        Refused: Nobody answered.
        click.Abort: The answer was no.
    """
    assert_sure(f"{what}: {named(things)}?")


def assert_retired_for_good(things: Sequence[Thing]) -> None:
    """Let the operator type which SIM is retired, or how many are.

    Raises:
        Refused: Nobody answered.
        click.Abort: Something else was typed.
    """
    wanted = things[0].thing if len(things) == 1 else f"retire {len(things)}"
    what = f"SIM {named(things)}" if len(things) == 1 else named(things)
    try:
        typed = click.prompt(f"to retire {what} for good, type '{printable(wanted)}'", err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo("", err=True)
        raise Refused(
            "nobody typed what is retired, so nothing was changed. --yes does not answer this: RETIRED is final",
            f"Run it on a terminal, with --permanently, and type '{printable(wanted)}'.",
            code="not_confirmed",
        ) from None
    if typed != wanted:
        raise click.Abort


def _action(write: Write) -> AuditAction:
    if not isinstance(write, StateWrite):
        return AuditAction.SIM_CHANGE_ORDERED
    return AuditAction.SIM_RETIREMENT_ORDERED if write.state is ThingState.RETIRED else AuditAction.SIM_STATE_ORDERED
