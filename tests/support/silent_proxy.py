"""A TCP proxy before a server that from a moment on swallows what its connections carry, and says nothing of it.

What a machine looks like whose power went, behind something that goes on acknowledging: keepalives see nothing wrong.
"""

import socket
import threading
from contextlib import closing, suppress
from pathlib import Path


class SilentProxy:
    """Between clients on 127.0.0.1 and a Unix socket.

    Args:
        target: The server's socket.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._generation = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        """The connections that there are carry nothing any more; new ones work."""
        self._generation += 1

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._target))
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, target, self._generation), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, generation: int) -> None:
        with suppress(OSError), closing(source):
            while piece := source.recv(65536):
                if generation == self._generation:
                    target.sendall(piece)
            if generation == self._generation:
                target.shutdown(socket.SHUT_WR)
