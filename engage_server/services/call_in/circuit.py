"""A circuit breaker, so that not every call waits for a system that does not answer.

It opens when several calls in a row, from several different devices, got no answer. A single device without answers
must not block all others. While it is open, calls are refused at once. From time to time one call is let through, and
an answer to it closes the circuit.
"""

import threading
from collections.abc import Callable

_CALLS = 5
_DEVICES = 3
_FIRST_SECONDS = 5.0
_LONGEST_SECONDS = 60.0


class Circuit:
    """The circuit to one system. Safe for many threads.

    Args:
        clock: Gives seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._silent: list[str] = []
        self._opened_at: float | None = None
        self._seconds = _FIRST_SECONDS
        self._is_probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls are refused."""
        return self._opened_at is not None

    def may_call(self) -> bool:
        """Whether a call may be made. If it may, the caller must finish with :meth:`answered` or :meth:`silent`."""
        with self._lock:
            if self._opened_at is None:
                return True
            now = self._clock()
            if self._is_probing or self._opened_at <= now < self._opened_at + self._seconds:
                return False
            self._is_probing = True
            return True

    def answered(self) -> bool:
        """Record that the system answered, whatever the answer was. True if the circuit was open until now."""
        with self._lock:
            was_open = self._opened_at is not None
            self._silent.clear()
            self._opened_at, self._seconds, self._is_probing = None, _FIRST_SECONDS, False
            return was_open

    def silent(self, device: str) -> bool:
        """Record that the system gave no answer. True if the circuit is open from now on.

        Args:
            device: The serial number or address of the device that called.
        """
        with self._lock:
            now = self._clock()
            if self._opened_at is not None:
                if self._is_probing:
                    self._opened_at, self._is_probing = now, False
                    self._seconds = min(2 * self._seconds, _LONGEST_SECONDS)
                return False
            self._silent = [*self._silent, device][-_CALLS * _DEVICES :]
            if len(self._silent) < _CALLS or len(set(self._silent)) < _DEVICES:
                return False
            self._opened_at = now
            return True
