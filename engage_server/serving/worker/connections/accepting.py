"""Takes clients from a listening socket."""

import os
import socket
from collections.abc import Callable
from typing import Any

from engage_server.records import folded
from engage_server.serving.worker.connections.connection import Socket


class Accepting:
    """What ``socket.accept`` does, without the two enumerations and the second layer that it makes each time.

    Args:
        listener: Does not block.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._next: Callable[[], tuple[int, Any]] = listener._accept  # type: ignore[attr-defined]  # typeshed leaves it out; socket.accept calls it
        self._kind = int(listener.family), int(listener.type), listener.proto

    def next(self) -> tuple[Socket, str]:
        """The next client, and its address as text, in its one spelling.

        Raises:
            BlockingIOError: There is none.
            OSError: It is gone already, or there is no room for it.
        """
        descriptor, address = self._next()
        try:
            return Socket(*self._kind, descriptor), folded(address[0])
        except BaseException:
            os.close(descriptor)
            raise
