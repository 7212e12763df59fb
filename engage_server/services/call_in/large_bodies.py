"""Large bodies are parsed one after the other, however many threads a worker has."""

import threading

# As Python objects a body takes up to sixty times its length, and a thread that computes delays the loop. So large
# bodies are parsed one after the other.
LARGE_BODY_BYTES = 64 * 1024
LARGE_BODIES_AT_ONCE = 1
LARGE_BODIES_WAITING = 3  # each of them occupies a thread that could answer another device
_LARGE_BODY_WAIT_SECONDS = 5.0


class LargeBodies:
    """The turns of one worker."""

    def __init__(self) -> None:
        self._reading = threading.BoundedSemaphore(LARGE_BODIES_AT_ONCE)
        self._waiting = threading.BoundedSemaphore(LARGE_BODIES_WAITING)

    def turn(self) -> "Turn":
        """A turn for one more body, which still has to wait for it."""
        return Turn(self._reading, self._waiting)


class Turn:
    """The turn of one large body, from parsing it to the answer. Only the first :meth:`end` counts."""

    def __init__(self, semaphore: threading.BoundedSemaphore, waiting: threading.BoundedSemaphore) -> None:
        self._semaphore = semaphore
        self._waiting = waiting
        self._holds = False

    def comes(self) -> bool:
        """Wait for the turn. False if it does not come in time, or if too many are already waiting."""
        self._holds = self._semaphore.acquire(blocking=False)
        if not self._holds and self._waiting.acquire(blocking=False):
            try:
                self._holds = self._semaphore.acquire(timeout=_LARGE_BODY_WAIT_SECONDS)
            finally:
                self._waiting.release()
        return self._holds

    def end(self) -> None:
        """Let the next body have its turn. Further calls do nothing."""
        if self._holds:
            self._holds = False
            self._semaphore.release()
