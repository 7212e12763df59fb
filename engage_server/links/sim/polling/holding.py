"""Holds a turn for as long as a round lasts, also while the operator takes long to answer one question."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engage_server.errors import EngageError
from engage_server.links.sim.polling.asking import RoundOver
from engage_server.links.sim.polling.turns import Turn


class HeldTurn:
    """A turn that a thread holds again and again.

    Args:
        turn: The turn.
        stopping: Whether the process ends.
        most_seconds: How long one question may take. A round that hangs for longer loses its turn.
    """

    def __init__(self, turn: Turn, stopping: threading.Event, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._asked_at = time.monotonic()
        self._turn = turn
        self._stopping = stopping
        self._over = threading.Event()
        self._is_lost = False

    def go_on(self) -> None:
        """Return while the turn is held. Call it between questions.

        Raises:
            RoundOver: Somebody else may have the turn, or the process ends.
        """
        if self._is_lost or self._stopping.is_set():
            raise RoundOver
        self._asked_at = time.monotonic()

    @contextmanager
    def held(self, seconds: float) -> Iterator[None]:
        """Hold the turn each so many seconds. A question that takes minutes does not lose it.

        What the database says is no word of the operator. So a turn that cannot be held is lost, and nothing else.
        """
        thread = threading.Thread(target=self._hold, args=(seconds,), name="sim poll turn", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _hold(self, seconds: float) -> None:
        while not self._is_lost and not self._over.wait(seconds):
            if time.monotonic() - self._asked_at > self._most_seconds:
                self._is_lost = True
                return
            try:
                self._is_lost = not self._turn.hold()
            except EngageError:
                self._is_lost = True
