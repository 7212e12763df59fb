"""Accepts clients from a listening socket."""

import os
import socket
from collections.abc import Callable
from typing import Any

from engage_server.records import folded
from engage_server.serving.worker.connections.connection import Socket

_SILENT_SECONDS = 1  # the least: then the kernel sends its second packet again, and hands the connection over


def hold_back_the_silent(listener: socket.socket) -> None:
    """Let the kernel hand over a connection when its first bytes are there, or after a second without any.

    For listeners behind balancers. A balancer sends the header at once, but after it has connected. Without this, each
    connection would be watched until its header comes, and then be let go: an eighth of what a plain notice costs.

    Args:
        listener: A listening TCP socket.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, _SILENT_SECONDS)


class Accepting:
    """Does what ``socket.accept`` does, without the two enumerations and the second layer that it creates each time.

    Args:
        listener: A non-blocking socket.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._next: Callable[[], tuple[int, Any]] = listener._accept  # type: ignore[attr-defined]  # typeshed leaves it out; socket.accept calls it
        self._kind = int(listener.family), int(listener.type), listener.proto

    def next(self) -> tuple[Socket, str]:
        """Return the next client, and its address as text, in the one spelling that we use.

        Raises:
            BlockingIOError: No client waits.
            OSError: The client is gone already, or there are no resources for it.
        """
        descriptor, address = self._next()
        try:
            return Socket(*self._kind, descriptor), folded(address[0])
        except BaseException:
            os.close(descriptor)
            raise
