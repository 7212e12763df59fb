"""Runs a bulk in front of an operator: progress, what did not work, and the paths that it concerns."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import click

from engage_server.cli.output import console, counted, print_json, print_next, print_wrapped, printable, write_report
from engage_server.cli.parameters import FilePath
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import EngageError, Stopped
from engage_server.links.commands.sim.bulks.watching import Watch
from engage_server.links.commands.sim.orders import warn
from engage_server.links.commands.sim.sim_accounts import Chosen
from engage_server.links.commands.sim.sim_json import counts_json, failure_json
from engage_server.links.sim.plans.bulk import Bulk
from engage_server.links.sim.plans.journal import BulkHead, BulkJournal
from engage_server.links.sim.plans.outcomes import OTHERWISE, BulkResult, Failure, Outcome, why_not_all
from engage_server.links.sim.plans.pace import Pace
from engage_server.links.sim.plans.taking_up import fresh_things, seconds_to_settle
from engage_server.links.sim.things import Thing
from engage_server.records import AuditAction

_F = TypeVar("_F", bound=Callable[..., Any])
_FAILURES_SHOWN = 10
_WHAT = {Outcome.FAILED: "refused", Outcome.UNKNOWN: "not known", Outcome.NOT_DONE: "not done"}
MOST_AT_ONCE = 32
USUAL_PER_MINUTE = 600


@dataclass(frozen=True, slots=True)
class Manner:
    """How a bulk is run, and what is reported of it.

    Attributes:
        at_once: How many writes may be on their way at the same time.
        per_minute: The most writes in a minute.
        failures: Where the list of what did not work is written. None: nowhere.
        as_json: Whether JSON was asked for.
        left_alone: The SIMs that were chosen and are left as they are, for the report.
    """

    at_once: int
    per_minute: int
    failures: Path | None
    as_json: bool
    left_alone: tuple[Failure, ...] = ()


def manner_options(command: _F) -> _F:
    """``--at-once``, ``--per-minute`` and ``--failures``."""
    for option in (
        click.option(
            "--failures",
            type=FilePath,
            metavar="FILE",
            help="Write the list of what did not work: JSON if the name ends with .json, else text.",
        ),
        click.option(
            "--per-minute",
            type=click.IntRange(1, 1_000_000),
            default=USUAL_PER_MINUTE,
            show_default=True,
            metavar="N",
            help="The most writes in a minute.",
        ),
        click.option(
            "--at-once",
            type=click.IntRange(1, MOST_AT_ONCE),
            default=1,
            show_default=True,
            metavar="N",
            help="How many writes may be on their way at the same time.",
        ),
    ):
        command = option(command)
    return command


def run_bulk(session: Session, chosen: Chosen, journal: BulkJournal, known: Mapping[str, Thing], manner: Manner) -> int:
    """Run a bulk that was begun, and report it.

    Args:
        session: This run.
        chosen: The account, and the links of its SIMs.
        journal: The bulk's file, open.
        known: Its Things as they are now.
        manner: How it is run.

    Returns:
        The exit status: 1 if something did not work.

    Raises:
        NotPossible: Something is left. It can be taken up again.
        Stopped: The operator pressed Ctrl-C.
    """
    head = journal.so_far.head
    watch = Watch(session, chosen, head)
    pace = Pace(manner.per_minute, monotonic)
    try:
        result = Bulk(chosen.account, journal, known, pace, manner.at_once, _note).run(watch.tell)
    except KeyboardInterrupt:
        counts = journal.so_far.counts()
        _write_failures(manner.failures, [*manner.left_alone, *journal.so_far.failures()])
        raise Stopped(
            f"stopped: {counted(counts.left + counts.unknown, 'SIM')} of {counts.total} are left",
            f"Take it up again: {program()} sim bulk resume {head.bulk}",
        ) from None
    finally:
        watch.close()
        _record_end(session, chosen, journal)
    result = replace(result, failures=[*manner.left_alone, *result.failures])
    _write_failures(manner.failures, result.failures)
    _print_result(chosen, head, result, as_json=manner.as_json)
    if (error := why_not_all(result)) is not None:
        raise error
    return int(bool(result.failures))


def _record_end(session: Session, chosen: Chosen, journal: BulkJournal) -> None:
    """Record what came of it. What was sent cannot be taken back, so a database that is away is a warning."""
    counts = journal.so_far.counts()
    parts = [(counts.failed, "without success"), (counts.unknown, "not known"), (counts.left, "left")]
    outcome = ", ".join([f"{counts.done} of {counts.total} done", *(f"{n} {word}" for n, word in parts if n)])
    try:
        session.operator_side().sim_orders.record(
            AuditAction.SIM_ORDER_ENDED,
            session.occasion(),
            chosen.site,
            account=chosen.account.name,
            bulk=journal.so_far.head.bulk,
            outcome=outcome,
        )
    except EngageError as error:
        warn(f"the audit log does not say what came of this: {error.sentence}")


def taken_up(session: Session, chosen: Chosen, journal: BulkJournal) -> Mapping[str, Thing]:
    """Read the Things of a bulk that was interrupted, once what was on its way had time to be done."""
    left = seconds_to_settle(journal, session.now())
    if left:
        click.echo(f"waiting {left:.0f} s until what was on its way is done", err=True)
        sleep(left)
    return fresh_things(chosen.account, journal.so_far.left())


def _note(sentence: str) -> None:
    click.echo(f"note: {printable(sentence)}", err=True)


def _print_result(chosen: Chosen, head: BulkHead, result: BulkResult, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "bulk": head.bulk,
                "account": head.account,
                "write": dict(head.write.stored()),
                "counts": counts_json(result.counts),
                "failures": [failure_json(each) for each in result.failures],
            }
        )
        return
    counts = result.counts
    click.echo(f"{head.write.words()}: {counts.done} of {counted(counts.total, 'SIM')} done")
    for each in result.failures[:_FAILURES_SHOWN]:
        console().print(f"{_what(each)}  {each.thing}: ", style="bold red", end="")
        print_wrapped(_why(each), "    ", already=2)
    if (more := len(result.failures) - _FAILURES_SHOWN) > 0:
        print_wrapped(f"and {more} more: see --failures FILE, or {program()} sim bulk show {head.bulk}", "")
    if not counts.left and not counts.unknown:
        where = f" --site {chosen.site}" if chosen.site else ""
        print_next(f"{program()} sim list{where}")


def _what(failure: Failure) -> str:
    return "otherwise" if failure.trouble.code == OTHERWISE else _WHAT.get(failure.outcome, failure.outcome)


def _why(failure: Failure) -> str:
    return f"{printable(failure.trouble.sentence)} ({failure.trouble.code})"


def _write_failures(file: Path | None, failures: Sequence[Failure]) -> None:
    if file is None:
        return
    if file.suffix.lower() == ".json":
        write_report([json.dumps([failure_json(each) for each in failures], indent=2, ensure_ascii=False), "\n"], file)
    else:
        write_report([f"{printable(each.thing)}\t{each.outcome}\t{_why(each)}\n" for each in failures], file)
