"""How fast writes follow each other, and how long none is sent because the operator says so."""

import threading
from collections.abc import Callable

LONGEST_WAIT_SECONDS = 900.0  # an operator of doors does not watch a bar for longer; a bulk can be taken up again


class Pace:
    """Lets writes through one after another. Any thread may use it.

    Args:
        per_minute: The most writes in a minute.
        clock: Seconds, by a clock that nobody sets.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._pause = 60.0 / per_minute
        self._clock = clock
        self._next = clock()
        self._choosing = threading.Lock()
        self._stopped = threading.Event()

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more may begin."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Let nothing more begin."""
        self._stopped.set()

    def wait(self) -> bool:
        """Wait until the next write may be sent. False if none may any more."""
        while not self._stopped.is_set():
            with self._choosing:
                now = self._clock()
                left = self._next - now
                if left <= 0:
                    self._next = now + self._pause
                    return True
            self._stopped.wait(min(left, 1.0))
        return False

    def hold_off(self, seconds: float) -> None:
        """Let no write through for so long, whatever the pace is."""
        with self._choosing:
            self._next = max(self._next, self._clock() + seconds)

    def waits(self) -> float:
        """How many seconds nothing will be sent from now on, because :meth:`hold_off` said so."""
        return max(0.0, self._next - self._clock())
