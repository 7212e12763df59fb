"""Does one write to many Things: each at most once, whatever interrupts it."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from engage_server.errors import EngageError, NotFound, UpstreamAway
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.plans.journal import BulkJournal
from engage_server.links.sim.plans.outcomes import (
    OTHERWISE,
    TOO_MANY,
    BulkResult,
    Counts,
    Outcome,
    Trouble,
    is_accepted,
    outcome_of,
    trouble_of,
)
from engage_server.links.sim.plans.pace import LONGEST_WAIT_SECONDS, Pace
from engage_server.links.sim.things import Thing
from engage_server.records.telling import Tell, tell_nobody

_MOST_SILENT = 5  # writes one after another without an answer: the operator is away
_QUOTA_SECONDS = 60.0  # where a 429 says nothing
_FIRST_WAIT_SECONDS = 1.0  # whatever the operator says; it doubles with each refusal of the same Thing
_MOST_REFUSALS = 8  # of one Thing
_MOST_GIVEN_UP = 3  # Things one after another: the quota is used up for longer
_WORTH_A_NOTE_SECONDS = 2.0
_TICK_SECONDS = 0.2

Progress = Callable[[Counts, Sequence[Thing]], None]


class Bulk:
    """One bulk, run once.

    A write whose answer did not come is read afterwards, and never sent again in the same run. If it is not done then,
    it may still be done later. So call :func:`~.taking_up.seconds_to_settle` and wait before the next run.

    Args:
        account: Whose Things they are.
        journal: The bulk's file, open.
        known: The Things as they were when they were chosen, by identity. Those that are missing are read.
        pace: Lets writes through.
        at_once: How many writes may be on their way at the same time.
        note: Gets a sentence when it waits for a while. Any thread may call it.
    """

    def __init__(
        self,
        account: SimAccount,
        journal: BulkJournal,
        known: Mapping[str, Thing],
        pace: Pace,
        at_once: int = 1,
        note: Tell = tell_nobody,
    ) -> None:
        self._account = account
        self._journal = journal
        self._write = journal.so_far.head.write
        self._known = known
        self._pace = pace
        self._at_once = at_once
        self._note = note
        self._queue: deque[str] = deque()
        self._changed: deque[Thing] = deque()
        self._silent = 0
        self._refusals: dict[str, int] = {}
        self._given_up = 0
        self._stopped: EngageError | None = None
        self._counting = threading.Lock()

    def run(self, tell: Progress) -> BulkResult:
        """Do all that is left.

        Args:
            tell: Called some times a second in the caller's thread, with the Things that changed since the last time.

        Raises:
            KeyboardInterrupt: The caller's thread got it. What was on its way has been waited for. A second one is
                raised at once.
        """
        self._look_up_unknown(had_time=True)
        self._queue.extend(each for each in self._journal.so_far.left() if not self._is_unknown(each))
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self._at_once)]
        for worker in workers:
            worker.start()
        try:
            while any(worker.is_alive() for worker in workers):
                workers[0].join(_TICK_SECONDS)
                for worker in workers[1:]:
                    worker.join(0)
                tell(self._journal.so_far.counts(), self._drained())
        finally:
            self._pace.stop()
            for worker in workers:
                worker.join()
            self._look_up_unknown(had_time=False)
            if not self._journal.so_far.left():
                self._journal.end("settled")
            tell(self._journal.so_far.counts(), self._drained())
        so_far = self._journal.so_far
        return BulkResult(so_far.counts(), so_far.failures(), self._stopped)

    def _work(self) -> None:
        try:
            while self._queue and self._pace.wait():
                try:
                    name = self._queue.popleft()
                except IndexError:  # another worker took the last one
                    return
                self._one(name)
        except EngageError as error:  # the journal cannot be written: nothing more may be sent
            self._stop(error)

    def _one(self, name: str) -> None:
        thing = self._known.get(name) or Thing(name, None)
        if self._write.is_done(thing):
            self._settle(thing)
            return
        self._journal.write(name, Outcome.BEGUN)
        try:
            after = self._write.send(self._account, thing)
        except EngageError as error:
            self._went_wrong(name, error)
        else:
            self._silent = self._given_up = 0
            if self._write.is_done(after):
                self._settle(after)
            else:
                self._otherwise(after)

    def _otherwise(self, thing: Thing) -> None:
        """The operator answered with success, and says that it is not so. What it says is believed, and reported."""
        sentence = f"the operator answered with success, and says of SIM {thing.thing}: {self._write.found(thing)}"
        trouble = Trouble(OTHERWISE, sentence, "Look at it before you repeat it: engage sim show THING")
        self._journal.write(thing.thing, Outcome.FAILED, trouble)
        self._learn(thing)

    def _learn(self, thing: Thing) -> None:
        """A Thing that is not as it was to be. If it is as before, nothing follows for a path."""
        before = self._known.get(thing.thing)
        if before is None or before.state is not thing.state:
            self._changed.append(thing)

    def _settle(self, thing: Thing) -> None:
        self._journal.write(thing.thing, Outcome.DONE)
        self._changed.append(thing)

    def _went_wrong(self, name: str, error: EngageError) -> None:
        outcome = outcome_of(error)
        if error.code == TOO_MANY:
            self._hold_off(name, error)
        elif outcome is Outcome.NOT_DONE:
            self._journal.write(name, outcome)
            self._stop(error)
        elif outcome is Outcome.FAILED:
            self._silent = 0
            self._journal.write(name, outcome, trouble_of(error))
        else:
            self._journal.write(name, outcome, trouble_of(error))
            if isinstance(error, UpstreamAway):
                self._count_silence(error)

    def _hold_off(self, name: str, error: EngageError) -> None:
        """The operator refused to look at it, so it did not happen: it is sent later, but not for ever."""
        refusals = self._refusals[name] = self._refusals.get(name, 0) + 1
        said = error.retry_seconds if isinstance(error, UpstreamAway) else None
        seconds = _QUOTA_SECONDS if said is None else said
        seconds = max(seconds, min(_FIRST_WAIT_SECONDS * 2 ** (refusals - 1), _QUOTA_SECONDS))
        if refusals >= _MOST_REFUSALS:
            self._give_up(name, error)
        else:
            self._journal.write(name, Outcome.NOT_DONE)
            self._queue.appendleft(name)
        if seconds > LONGEST_WAIT_SECONDS:
            self._stop(error)
        elif seconds >= _WORTH_A_NOTE_SECONDS:
            self._note(f"the operator's quota is used up: waiting {seconds:.0f} s")
        self._pace.hold_off(seconds)

    def _give_up(self, name: str, error: EngageError) -> None:
        """Leave it for the next run."""
        self._journal.write(name, Outcome.NOT_DONE, trouble_of(error))
        with self._counting:
            self._given_up += 1
        if self._given_up >= min(_MOST_GIVEN_UP, len(self._journal.so_far.head.things)):
            self._stop(error)

    def _count_silence(self, error: EngageError) -> None:
        with self._counting:
            self._silent += 1
        if self._silent >= _MOST_SILENT:
            self._stop(error)

    def _stop(self, error: EngageError) -> None:
        self._stopped = self._stopped or error
        self._pace.stop()

    def _is_unknown(self, name: str) -> bool:
        return self._journal.so_far.outcomes.get(name) in (Outcome.BEGUN, Outcome.UNKNOWN)

    def _look_up_unknown(self, *, had_time: bool) -> None:
        """Read each Thing of which nobody knows.

        If reading fails, nobody knows still. A write that the operator only accepted may be done at any
        time. So it is never sent again.

        Args:
            had_time: Whether what was on its way is done by now, or never will be. Only then is it not done.
        """
        for name in [each for each in self._journal.so_far.left() if self._is_unknown(each)]:
            before = self._journal.so_far.troubles.get(name)
            try:
                thing = self._account.thing(name)
            except NotFound as error:
                self._journal.write(name, Outcome.FAILED, trouble_of(error))
                continue
            except EngageError as error:
                self._journal.write(name, Outcome.UNKNOWN, before or trouble_of(error))
                self._stop(error)
                return
            if self._write.is_done(thing):
                self._settle(thing)
                continue
            self._learn(thing)
            if had_time and not is_accepted(before):
                self._journal.write(name, Outcome.NOT_DONE, before)

    def _drained(self) -> list[Thing]:
        found = []
        while self._changed:
            found.append(self._changed.popleft())
        return found
