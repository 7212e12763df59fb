"""Finds bulks that were interrupted, and reads their Things as they are now."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from engage_server.errors import Conflict, NotFound, NotPossible
from engage_server.file_locks import locked
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.plans.journal import SUFFIX, BulkJournal, BulkSoFar, bulks, has_ended, read_bulk
from engage_server.links.sim.plans.outcomes import Outcome, is_accepted
from engage_server.links.sim.things import Thing

# A write that was sent just before its process died may still be on its way, or accepted and not done yet.
SETTLE_SECONDS: Final = 60.0
_READ_ONE_BY_ONE = 100  # with more than these, the whole account is listed: it takes fewer calls
_LIST = "List them: engage sim bulk list"


def unfinished(folder: Path) -> Sequence[BulkSoFar]:
    """The bulks that are not over, oldest first.

    Raises:
        FileNotUsable: One cannot be read.
    """
    return [read_bulk(file) for file in bulks(folder) if not has_ended(file)]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let no other process of this host change SIMs in bulk: two at once could undo each other.

    Args:
        folder: Where the files of bulks lie. It must exist.

    Raises:
        NotPossible: Another process does (``sim.bulk_busy``).
    """
    with ExitStack() as held:
        try:
            held.enter_context(locked(folder, 0))
        except NotPossible as error:
            if error.code != "lock.busy":
                raise
            raise NotPossible(
                "another process on this host changes SIMs",
                "Wait until it has ended, or stop it.",
                code="sim.bulk_busy",
            ) from None
        yield


def take_up(folder: Path, bulk: str | None) -> BulkJournal:
    """Open a bulk that was interrupted.

    Args:
        folder: Where the files lie.
        bulk: Its name. None for the only one.

    Raises:
        NotFound: There is no such bulk, or none was interrupted (``sim_bulk.not_found``).
        Conflict: It is over, or there are several (``sim_bulk.is_over``, ``sim_bulk.several``).
        NotPossible: Another process works on it.
    """
    if bulk is None:
        found = unfinished(folder)
        if not found:
            raise NotFound("no bulk was interrupted", _LIST, code="sim_bulk.not_found")
        if len(found) > 1:
            names = ", ".join(each.head.bulk for each in found)
            raise Conflict(f"several bulks were interrupted: {names}", "Name one.", code="sim_bulk.several")
        return BulkJournal(folder / f"{found[0].head.bulk}{SUFFIX}", found[0])
    so_far = bulk_named(folder, bulk)
    if so_far.is_over:
        raise Conflict(f"bulk {bulk} is over", _LIST, code="sim_bulk.is_over")
    return BulkJournal(folder / f"{bulk}{SUFFIX}", so_far)


def bulk_named(folder: Path, bulk: str) -> BulkSoFar:
    """Read one bulk.

    Raises:
        NotFound: There is none of this name (``sim_bulk.not_found``).
    """
    file = folder / f"{bulk}{SUFFIX}"
    if file not in bulks(folder):
        raise NotFound(f"there is no bulk '{bulk}'", _LIST, code="sim_bulk.not_found")
    return read_bulk(file)


def seconds_to_settle(journal: BulkJournal, now: datetime) -> float:
    """How long to wait until what the last process sent is done or never will be. 0 if that is known of all."""
    if not any(_may_be_on_its_way(journal.so_far, each) for each in journal.so_far.outcomes):
        return 0.0
    return max(0.0, SETTLE_SECONDS - (now.timestamp() - journal.changed_at))


def fresh_things(account: SimAccount, names: Sequence[str]) -> Mapping[str, Thing]:
    """Read Things as they are now, by identity. Those that do not exist any more are left out.

    Raises:
        EngageError: What the account raises.
    """
    if len(names) <= _READ_ONE_BY_ONE:
        return {name: thing for name in names if (thing := _found(account, name)) is not None}
    wanted = set(names)
    return {each.thing: each for each in account.things() if each.thing in wanted}


def _may_be_on_its_way(so_far: BulkSoFar, thing: str) -> bool:
    """Nobody knows whether it happened. Where the operator said that it comes later, waiting does not help."""
    is_unknown = so_far.outcomes[thing] in (Outcome.BEGUN, Outcome.UNKNOWN)
    return is_unknown and not is_accepted(so_far.troubles.get(thing))


def _found(account: SimAccount, name: str) -> Thing | None:
    try:
        return account.thing(name)
    except NotFound:
        return None
