"""Large bodies take turns: read one after the other, whatever number of threads a worker has."""

import threading

# As Python's objects a body takes up to sixty times its length, and a thread that computes holds up the loop: so large
# ones are read one after the other.
LARGE_BODY_BYTES = 64 * 1024
LARGE_BODIES_AT_ONCE = 1
LARGE_BODIES_WAITING = 3  # each holds a thread that another device could be answered by
_LARGE_BODY_WAIT_SECONDS = 5.0


class LargeBodies:
    """The turns of one worker."""

    def __init__(self) -> None:
        self._reading = threading.BoundedSemaphore(LARGE_BODIES_AT_ONCE)
        self._waiting = threading.BoundedSemaphore(LARGE_BODIES_WAITING)

    def turn(self) -> "Turn":
        """The turn of one more body; it has not come yet."""
        return Turn(self._reading, self._waiting)


class Turn:
    """One large body's, from reading it to the answer; the first :meth:`end` counts."""

    def __init__(self, semaphore: threading.BoundedSemaphore, waiting: threading.BoundedSemaphore) -> None:
        self._semaphore = semaphore
        self._waiting = waiting
        self._holds = False

    def comes(self) -> bool:
        """Wait for it; False when it does not come in time, or when too many wait for theirs already."""
        self._holds = self._semaphore.acquire(blocking=False)
        if not self._holds and self._waiting.acquire(blocking=False):
            try:
                self._holds = self._semaphore.acquire(timeout=_LARGE_BODY_WAIT_SECONDS)
            finally:
                self._waiting.release()
        return self._holds

    def end(self) -> None:
        """Let the next one go on; once is enough."""
        if self._holds:
            self._holds = False
            self._semaphore.release()
