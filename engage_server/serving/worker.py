"""The worker: gunicorn's threaded one, made patient with slow devices but not for ever.

gunicorn waits without end for a handshake or a request that stalls half-way; on a night of weak radio that is a
thread lost for each such device, until none is left.
"""

import socket
import sys
import time
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

_NO_DESCRIPTOR_SECONDS = 0.1


class DeviceConnection(TConn):  # type: ignore[misc]  # gunicorn has no type hints
    """A connection whose reads and writes end in time."""

    def init(self) -> None:
        """Wrap the socket in TLS if need be, and set the limit. Called before every request of the connection."""
        super().init()
        self.sock.settimeout(self.cfg.device_seconds)


class DeviceWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no type hints
    """Serves devices with threads, each for the time of one request."""

    def accept(self, listener: socket.socket) -> None:
        """Take one connection. As gunicorn's, but for the class of the connection and its errors."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # another worker took it, or the device has gone
        except OSError as error:  # no descriptor is free: leave it in the backlog until a thread frees one
            self.log.warning("can not accept a connection: %s", error.strerror)
            time.sleep(_NO_DESCRIPTOR_SECONDS)
            return
        self.nr_conns += 1
        client.setblocking(True)
        self.enqueue_req(DeviceConnection(self.cfg, client, address, listener.getsockname()))


class DeviceLogger(Logger):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn's log, without a traceback for what devices do every night, and one line for one request."""

    def atoms(self, *request: Any) -> dict[str, Any]:
        """The parts of an access log line; a path can not begin a line of its own in it."""
        atoms: dict[str, Any] = super().atoms(*request)
        atoms["U"] = str(atoms["U"]).encode("unicode_escape").decode("ascii")
        return atoms

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Tell a client's silence at debug level."""
        if isinstance(sys.exc_info()[1], TimeoutError):
            self.debug("a client was silent for too long")
        else:
            super().exception(msg, *args, **kwargs)
