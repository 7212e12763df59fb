"""A server on 127.0.0.1 that does to each connection what a function says."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self


class RawServer:
    """Serves until it is closed. Its function gets each connection in a thread, and may hang: closing ends it.

    Args:
        serve: What is done to a connection.

    Attributes:
        port: Where it listens.
        stopped: Set when it is closed: a function that hangs waits for it.
    """

    def __init__(self, serve: Callable[[socket.socket, threading.Event], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.stopped = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._handle, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _handle(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with connection, suppress(OSError):
            self._serve(connection, self.stopped)
