"""Polls one account for as long as its process runs."""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.errors import EngageError
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.polling import pace
from engage_server.links.sim.polling.asking import PolledLink, Round, RoundOver, ask
from engage_server.links.sim.polling.holding import HeldTurn
from engage_server.links.sim.polling.memory import AccountMemory, from_text, to_text
from engage_server.links.sim.polling.turns import Turn, Turns

_LOOK_SECONDS = 5.0  # while somebody else has the turn, or nothing can be read
_MOST_SECONDS = 60.0  # another host may have changed what is remembered
_HOLD_SECONDS = 10.0
_QUESTION_SECONDS = 600.0  # longer than one page of an operator takes with all its pauses
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Polled:
    """An account and what is polled of it.

    Attributes:
        account: The account.
        links: Its links.
        every: The setting's pause.
    """

    account: SimAccount
    links: Sequence[PolledLink]
    every: timedelta


class AccountPoller:
    """Asks when it is due and this process's turn. No error ends it.

    Args:
        polled: What is polled.
        turns: Whose turn it is.
        clock: Returns the time, aware.
        look_seconds: How often to look while somebody else has the turn.
        hold_seconds: How often to keep a turn while a round lasts.
        question_seconds: How long the operator may take for one question. After that the turn is given up.
    """

    def __init__(
        self,
        polled: Polled,
        turns: Turns,
        clock: Callable[[], datetime],
        *,
        look_seconds: float = _LOOK_SECONDS,
        hold_seconds: float = _HOLD_SECONDS,
        question_seconds: float = _QUESTION_SECONDS,
    ) -> None:
        self._polled = polled
        self._turns = turns
        self._clock = clock
        self._look_seconds = look_seconds
        self._hold_seconds = hold_seconds
        self._question_seconds = question_seconds
        self._stopping = threading.Event()
        self._trouble = ""
        self._is_first = True

    def start(self) -> None:
        """Begin in a thread."""
        name = f"sim poll {self._polled.account.name}"
        threading.Thread(target=self.run, name=name, daemon=True).start()

    def stop(self) -> None:
        """End after the Thing that is asked for now. Nothing of an unfinished round counts."""
        self._stopping.set()

    def run(self) -> None:
        """Poll until :meth:`stop`."""
        while not self._stopping.is_set():
            self._stopping.wait(self.step())

    def step(self) -> float:
        """Do a round, if it is due and nobody else does it. Return how many seconds to wait. Raises nothing."""
        try:
            seconds = self._step()
        except RoundOver:
            return self._look_seconds
        except EngageError as error:
            self._tell(str(error))
            return self._look_seconds
        except Exception:  # a defect must not end the thread
            _log.exception("SIMs of account %s could not be polled", self._polled.account.name)
            return _MOST_SECONDS
        self._tell("")
        return seconds

    def _step(self) -> float:
        account, every = self._polled.account.name, self._polled.every
        look = self._turns.look(account)
        if look.is_held:
            return self._look_seconds
        before, now = from_text(look.memory), self._clock()
        due = pace.due_at(before, every, now)
        if due > now:
            return min((due - now).total_seconds(), _MOST_SECONDS)
        turn = self._turns.take(account, look)
        if turn is None:
            return self._look_seconds
        try:
            return self._round(turn, before)
        finally:
            with suppress(EngageError):  # it ends by itself
                turn.drop()

    def _round(self, turn: Turn, before: AccountMemory) -> float:
        polled, held = self._polled, HeldTurn(turn, self._stopping, self._question_seconds)
        chance = random.random()  # noqa: S311  # for the pace, not for a secret
        with held.held(self._hold_seconds):
            done = ask(
                polled.account,
                polled.links,
                before,
                polled.every,
                self._clock,
                chance,
                held.go_on,
                is_first=self._is_first,
            )
        held.go_on()
        if not turn.end(to_text(done.memory), done.events):
            return self._look_seconds
        self._is_first = False
        _tell_round(polled.account.name, before, done)
        return 0.0

    def _tell(self, trouble: str) -> None:
        """Log once that the poll itself has trouble, and once that it is over."""
        name = self._polled.account.name
        if trouble and not self._trouble:
            _log.error("SIMs of account %s are not polled for now: %s", name, trouble)
        elif self._trouble and not trouble:
            _log.info("SIMs of account %s are polled again", name)
        self._trouble = trouble


def _tell_round(name: str, before: AccountMemory, done: Round) -> None:
    """Log the begin and the end of the operator's trouble: the memory knows both, also from other hosts."""
    if done.error is not None and not before.trouble:
        _log.error("account %s does not answer for all SIMs, and nothing follows for their paths: %s", name, done.error)
    elif done.error is None and before.trouble:
        _log.info("account %s answers for all SIMs again", name)
