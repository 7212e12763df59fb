"""A process that works on one bulk until it is done or killed: ``python -m tests.support.sim.bulk_process FOLDER N``.

Its account keeps what was written in a file, which outlives the process, as an operator does.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from engage_server.errors import Conflict
from engage_server.links.sim.account import Values
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.plans.bulk import Bulk
from engage_server.links.sim.plans.journal import BulkHead, begin_bulk, bulks
from engage_server.links.sim.plans.outcomes import Counts
from engage_server.links.sim.plans.pace import Pace
from engage_server.links.sim.plans.taking_up import fresh_things, take_up
from engage_server.links.sim.plans.writes import StateWrite
from engage_server.links.sim.things import ThingState
from tests.support.sim.memory import FIRST, MemoryAccount, sims

_AT_ONCE = 4


def refuses(thing: str) -> bool:
    """Whether the operator refuses a Thing: one of a hundred."""
    return (int(thing) - FIRST) % 100 == 7


def written(folder: Path) -> list[str]:
    """All writes that took effect, in order."""
    file = folder / "written"
    return file.read_text().split() if file.exists() else []


def account_in(folder: Path, count: int) -> MemoryAccount:
    """An account that keeps its writes in a file of this folder."""
    account = MemoryAccount(sims(count))
    for thing in written(folder):
        account.act(Operation.THINGS_SET_STATE, {"thing": thing, "state": ThingState.SUSPENDED.value})
    account.writes.clear()
    file = os.open(folder / "written", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def refuse(operation: Operation, values: Values) -> None:
        if refuses(str(values["thing"])):
            raise Conflict("412: refused", "Ask the operator.", code="sim.changed")

    def keep(operation: Operation, values: Values) -> None:
        os.write(file, f"{values['thing']}\n".encode())

    account.before, account.after = refuse, keep
    return account


def work(folder: Path, count: int) -> Counts:
    """Begin the bulk of this folder, or take it up, and do all that is left."""
    account = account_in(folder, count)
    if bulks(folder):
        journal = take_up(folder, None)
    else:
        write = StateWrite(ThingState.SUSPENDED)
        head = BulkHead("b", account.name, write, tuple(account.by_name), datetime.now(UTC), "anna")
        journal = begin_bulk(folder, head)
    with journal:
        known = fresh_things(account, journal.so_far.left())
        return Bulk(account, journal, known, Pace(1e9, monotonic), _AT_ONCE).run(lambda counts, changed: None).counts


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
