"""The worker: gunicorn's threaded one, made patient with slow devices but not for ever.

gunicorn waits without end for a handshake or a request that stalls half-way; on a night of weak radio that is a
thread lost for each such device, until none is left.
"""

import socket
import ssl
import sys
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

_NO_DESCRIPTOR_SECONDS = 0.1

# RFC 9110 section 15.5 and 15.6, RFC 6585 section 5; everything else that can not be parsed is 400
_STATUSES = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.ExpectationFailed: 417,
    errors.UnsupportedTransferCoding: 501,
}


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

    def handle_error(self, req: object, client: socket.socket, addr: tuple[str, int], exc: Exception) -> None:
        """Answer what is no request with small JSON. gunicorn's own answer is HTML that repeats what came."""
        if isinstance(exc, ssl.SSLError):
            self.log.info("no TLS with %s: %s", addr[0], exc)  # the connection is closed; there is nobody to answer
            return
        if isinstance(exc, errors.ParseException):
            self.log.warning("no request from %s: %s", addr[0], _one_line(str(exc)))
            status = next((status for kind, status in _STATUSES.items() if isinstance(exc, kind)), 400)
        else:
            self.log.exception("a request of %s could not be answered", addr[0])
            status = 500
        with suppress(OSError):
            write_nonblock(client, _error_answer(status))


def speak_1_1(_worker: DeviceWorker, request: Any) -> None:
    """Answer HTTP/1.0 with HTTP/1.1 too (RFC 9110 section 6.2), and close: devices look for it in the status line.

    gunicorn's ``pre_request`` hook.
    """
    if request.version < (1, 1):
        request.force_close()
        request.version = (1, 1)


def _error_answer(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase
    body = f'{{"error":"{phrase.lower()}"}}'
    head = f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode("ascii")


def _one_line(text: str) -> str:
    """A text of a client's, that can not begin a line of its own in a log or colour it."""
    return text.encode("unicode_escape").decode("ascii")


class DeviceLogger(Logger):  # type: ignore[misc]  # gunicorn has no type hints
    """gunicorn's log, without a traceback for what devices do every night, and one line for one request."""

    def atoms(self, *request: Any) -> dict[str, Any]:
        """The parts of an access log line; a path can not begin a line of its own in it."""
        atoms: dict[str, Any] = super().atoms(*request)
        atoms["U"] = _one_line(str(atoms["U"]))
        return atoms

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Tell a client's silence at debug level."""
        if isinstance(sys.exc_info()[1], TimeoutError):
            self.debug("a client was silent for too long")
        else:
            super().exception(msg, *args, **kwargs)
