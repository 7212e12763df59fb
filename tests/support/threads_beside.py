"""Threads that run beside what is measured or tested, until it is over."""

import threading
from typing import Self


class ThreadsBeside:
    """Starts its threads with the ``with`` block, and waits for them at its end.

    A subclass sets both before the block begins, and its threads end soon after ``_stopped`` is set.
    """

    _stopped: threading.Event
    _threads: list[threading.Thread]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
