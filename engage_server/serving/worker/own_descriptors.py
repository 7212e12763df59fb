"""The descriptors of a worker that are no client's: its listener, the app's answers, signals."""

import select
from collections.abc import Callable

from engage_server.serving.worker.defects import Defects


class OwnDescriptors:
    """What is to be done when one of them is ready. Whatever fails there, the loop goes on, and does not spin.

    Args:
        epoll: Of the loop.
        defects: Where failures are reported.
    """

    def __init__(self, epoll: select.epoll, defects: Defects) -> None:
        self._epoll = epoll
        self._defects = defects
        self._acts: dict[int, tuple[Callable[[], None], int]] = {}
        self._paused: set[int] = set()

    def __contains__(self, fileno: int) -> bool:
        return fileno in self._acts

    def add(self, fileno: int, act: Callable[[], None], flags: int = select.EPOLLIN) -> None:
        """Listen to it from now on."""
        self._acts[fileno] = act, flags
        self._epoll.register(fileno, flags)

    def call(self, fileno: int) -> None:
        """Do what it is there for. If that fails, it pauses: epoll would report it at once again, and again."""
        act, _ = self._acts[fileno]
        try:
            act()
        except Exception:
            self._defects.happened("the worker could not do what a descriptor of its own asked for")
            self.pause(fileno)

    def pause(self, fileno: int) -> None:
        """Do not listen to it until :meth:`resume`."""
        if fileno in self._acts and fileno not in self._paused:
            self._epoll.unregister(fileno)
            self._paused.add(fileno)

    def resume(self) -> None:
        """Listen to all again. Called with each tick."""
        while self._paused:
            fileno = self._paused.pop()
            self._epoll.register(fileno, self._acts[fileno][1])

    def remove(self, fileno: int) -> None:
        """Listen to it no more."""
        self.pause(fileno)
        self._paused.discard(fileno)
        self._acts.pop(fileno, None)

    def go_behind(self, fileno: int) -> None:
        """Of several processes that listen, the kernel wakes the one that has listened longest: let another be that."""
        self.pause(fileno)
        self._paused.discard(fileno)
        self._epoll.register(fileno, self._acts[fileno][1])
