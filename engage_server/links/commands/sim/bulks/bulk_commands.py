"""``engage sim bulk``: bulks that were interrupted."""

from collections.abc import Mapping
from pathlib import Path

import click

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import counted, json_option, print_json, print_next, print_table, printable
from engage_server.cli.parameters import sure_option
from engage_server.cli.program import program
from engage_server.cli.questions import assert_sure
from engage_server.cli.session import Session
from engage_server.errors import NotFound
from engage_server.links.commands.sim.bulks.bulking import Manner, manner_options, run_bulk, taken_up
from engage_server.links.commands.sim.bulks.ordering import assert_retired_for_good, assert_sure_of_all
from engage_server.links.commands.sim.bulks.plan_output import print_plan
from engage_server.links.commands.sim.paths.learning import learn
from engage_server.links.commands.sim.sim_accounts import Chosen, account_option, bulk_folder, bulk_names, chosen
from engage_server.links.commands.sim.sim_json import counts_json, failure_json
from engage_server.links.sim.plans.journal import BulkJournal, BulkSoFar, bulks, read_bulk
from engage_server.links.sim.plans.moves import move_of
from engage_server.links.sim.plans.taking_up import alone, bulk_named, take_up
from engage_server.links.sim.plans.writes import StateWrite
from engage_server.links.sim.things import Thing, ThingState
from engage_server.records import AuditAction
from engage_server.services.access.permissions import Act

_ACTS = [Act.SIM_SET, Act.SIM_RETIRE, Act.SIM_CHANGE]


@click.group(cls=OrderedGroup, order=("list", "show", "resume", "drop"))
def bulk() -> None:
    """Bulks: one change to many SIMs. One that was interrupted can be resumed.

    Each bulk has a file in data/links/sim/bulk. It says of each SIM whether the write was begun, and what became of it.
    """


@bulk.command("list", acts=[Act.SIM_SEE], epilog="\b\nExample:\n  engage sim bulk list")
@json_option
@click.pass_obj
def list_bulks(session: Session, as_json: bool) -> None:
    """List the bulks, oldest first."""
    found = [read_bulk(file) for file in bulks(bulk_folder(session))]
    if as_json:
        print_json([_bulk_json(each) for each in found])
        return
    print_table(["bulk", "account", "what", "done", "refused", "left", ""], map(_row, found), "there is no bulk")
    open_ones = [each for each in found if not each.is_over]
    print_next(f"{program()} sim bulk resume {open_ones[-1].head.bulk}" if open_ones else f"{program()} sim list")


@bulk.command(acts=[Act.SIM_SEE], epilog="\b\nExample:\n  engage sim bulk show 20270102T030405-a1b2c3 --json")
@click.argument("name", metavar="BULK", shell_complete=bulk_names)
@json_option
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> int:
    """Show one bulk, and what did not work. Exit status 1 when something did not."""
    so_far = bulk_named(bulk_folder(session), name)
    failures = so_far.failures()
    if as_json:
        print_json({**_bulk_json(so_far), "failures": [failure_json(each) for each in failures]})
    else:
        print_table(["bulk", "account", "what", "done", "refused", "left", ""], [_row(so_far)], "")
        print_table(
            ["SIM", "outcome", "why"],
            [(each.thing, each.outcome, f"{each.trouble.sentence} ({each.trouble.code})") for each in failures],
            "nothing failed",
        )
        print_next(f"{program()} sim bulk list")
    return int(bool(failures))


@bulk.command(
    acts=_ACTS, epilog="\b\nExamples:\n  engage sim bulk resume\n  engage sim bulk resume 20270102T030405-a1b2c3"
)
@click.argument("name", metavar="[BULK]", required=False, shell_complete=bulk_names)
@account_option
@manner_options
@sure_option
@json_option
@click.pass_obj
def resume(
    session: Session,
    name: str | None,
    account: str | None,
    at_once: int,
    per_minute: int,
    failures: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Go on with a bulk that was interrupted. No SIM is written twice.

    SIMs are read first. Then it shows what is left, and asks. A SIM that has already become what it should is not
    written again. What the operator refused is not tried again.
    """
    manner = Manner(at_once, per_minute, failures, as_json)
    return resume_bulk(session, name, account, manner, yes=yes)


@bulk.command(acts=_ACTS, epilog="\b\nExample:\n  engage sim bulk drop 20270102T030405-a1b2c3")
@click.argument("name", metavar="BULK", shell_complete=bulk_names)
@sure_option
@json_option
@click.pass_obj
def drop(session: Session, name: str, yes: bool, as_json: bool) -> None:
    """Give a bulk up. What was done stays done, and the rest is left as it is."""
    folder = bulk_folder(session)
    with take_up(folder, name) as journal:
        head, left = journal.so_far.head, len(journal.so_far.left())
        if not yes:
            assert_sure(f"drop bulk {name}, with {left} of {len(head.things)} SIMs left?")
        session.operator_side().sim_orders.record(
            AuditAction.SIM_BULK_DROPPED, session.occasion(), account=head.account, bulk=name, things=str(left)
        )
        journal.end("dropped")
        so_far = journal.so_far
    if as_json:
        print_json(_bulk_json(so_far))
        return
    click.echo(f"dropped bulk {name}")
    print_next(f"{program()} sim bulk list")


def resume_bulk(session: Session, name: str | None, account: str | None, manner: Manner, *, yes: bool) -> int:
    """Show what is left of a bulk that was interrupted, ask, go on with it, and report it.

    Args:
        session: This run.
        name: The bulk's name. None for the only one.
        account: The account's name, if it was given: a bulk of another one is not found then.
        manner: How it is run.
        yes: Whether nobody is asked. That does not answer for RETIRED.

    Returns:
        The exit status.
    """
    folder = bulk_folder(session)
    with take_up(folder, name) as journal, alone(folder):
        head, left = journal.so_far.head, len(journal.so_far.left())
        if account not in (None, head.account):
            raise NotFound(
                f"bulk {head.bulk} is of account {head.account}",
                f"Leave --account out, or give --account {head.account}.",
                code="sim_bulk.not_found",
            )
        found = chosen(session, head.account)
        known = taken_up(session, found, journal)
        learn(session, found, known.values())
        _ask(journal, known, found, yes=yes, as_json=manner.as_json)
        session.operator_side().sim_orders.record(
            AuditAction.SIM_BULK_RESUMED, session.occasion(), account=head.account, bulk=head.bulk, things=str(left)
        )
        return run_bulk(session, found, journal, known, manner)


def _ask(journal: BulkJournal, known: Mapping[str, Thing], found: Chosen, *, yes: bool, as_json: bool) -> None:
    """Show what is left as it is now, and ask. If all of it is as it is to be, nothing is written, and nobody asked."""
    head, left = journal.so_far.head, journal.so_far.left()
    write = head.write
    if not as_json:
        click.echo(
            f"bulk {head.bulk}, which {printable(head.actor)} began {head.at:%Y-%m-%d %H:%M} UTC: {write.words()}; "
            f"{len(left)} of {counted(len(head.things), 'SIM')} left"
        )
    things = [thing for name in left if not write.is_done(thing := known.get(name) or Thing(name, None))]
    if not things:
        return
    if isinstance(write, StateWrite):
        if not as_json:
            print_plan([(each, move_of(each, write.state)) for each in things], found.links)
        if write.state is ThingState.RETIRED:
            assert_retired_for_good(things)
            return
    if not yes:
        assert_sure_of_all(write.words(), things)


def _bulk_json(so_far: BulkSoFar) -> dict[str, object]:
    head = so_far.head
    return {
        "bulk": head.bulk,
        "account": head.account,
        "write": dict(head.write.stored()),
        "at": head.at.isoformat(),
        "actor": head.actor,
        "reason": head.reason,
        "over": so_far.is_over,
        "counts": counts_json(so_far.counts()),
    }


def _row(so_far: BulkSoFar) -> tuple[object, ...]:
    head, counts = so_far.head, so_far.counts()
    left = counts.left + counts.unknown
    state = "over" if so_far.is_over else "interrupted"
    return head.bulk, head.account, head.write.words(), counts.done, counts.failed, left, state
