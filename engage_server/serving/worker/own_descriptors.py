"""The descriptors of a worker that belong to no client: its listener, the app's answers, signals."""

import select
from collections.abc import Callable

from engage_server.serving.worker.defects import Defects


class OwnDescriptors:
    """Calls what belongs to a descriptor when it is ready. If a call fails, the loop goes on without spinning.

    Args:
        epoll: The loop's epoll object.
        defects: Where failures are reported.
    """

    def __init__(self, epoll: select.epoll, defects: Defects) -> None:
        self._epoll = epoll
        self._defects = defects
        self._acts: dict[int, tuple[Callable[[], object], int]] = {}
        self._paused: set[int] = set()

    def __contains__(self, fileno: int) -> bool:
        return fileno in self._acts

    def add(self, fileno: int, act: Callable[[], object], flags: int = select.EPOLLIN) -> None:
        """Watch a descriptor from now on."""
        self._acts[fileno] = act, flags
        self._epoll.register(fileno, flags)

    def call(self, fileno: int) -> None:
        """Make the descriptor's call. If it fails, the descriptor is paused: epoll would report it again at once.

        Another call of this very turn may have removed the descriptor. Then nothing is done.
        """
        found = self._acts.get(fileno)
        if found is None:
            return
        try:
            found[0]()
        except Exception:
            self._defects.happened("the worker could not serve a descriptor that is not a client's")
            self.pause(fileno)

    def pause(self, fileno: int) -> None:
        """Stop watching it until :meth:`resume`."""
        if fileno in self._acts and fileno not in self._paused:
            self._epoll.unregister(fileno)
            self._paused.add(fileno)

    def resume(self) -> None:
        """Watch all again. Called with each tick."""
        while self._paused:
            fileno = self._paused.pop()
            self._epoll.register(fileno, self._acts[fileno][1])

    def remove(self, fileno: int) -> None:
        """Stop watching it for good."""
        self.pause(fileno)
        self._paused.discard(fileno)
        self._acts.pop(fileno, None)

    def go_behind(self, fileno: int) -> None:
        """Watch it after the other processes: of several, the kernel wakes the one that has watched longest."""
        self.pause(fileno)
        self._paused.discard(fileno)
        self._epoll.register(fileno, self._acts[fileno][1])
