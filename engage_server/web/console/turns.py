"""Turns: what costs seconds is done for one visitor at a time, so that the others do not wait for all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from engage_server.errors import Conflict

_LONGEST_WAIT_SECONDS = 5.0


class Turns:
    """Lets some callers in at once. For several threads.

    Args:
        what: What they do, as a refusal says it: ``reading lists of doors``.
        most: How many may do it at once.
    """

    def __init__(self, what: str, most: int = 1) -> None:
        self._what = what
        self._free = BoundedSemaphore(most)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn, and have it.

        Raises:
            Conflict: Others had theirs for too long (``server.busy``).
        """
        if not self._free.acquire(timeout=_LONGEST_WAIT_SECONDS):
            raise Conflict(f"others are {self._what} now", "Try again in a minute.", code="server.busy")
        try:
            yield
        finally:
            self._free.release()
