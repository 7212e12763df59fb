"""Accepts clients from a listening socket."""

import os
import socket
from collections.abc import Callable
from typing import Any

from engage_server.records import folded
from engage_server.serving.worker.connections.connection import Socket


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
