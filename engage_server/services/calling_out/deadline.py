"""Ends a thread's wait for an answer after a time in total. A socket's timeout would start again with each byte."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPResponse
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_watched = threading.local()


class FinalResponse(HTTPResponse):
    """Skips every interim response (RFC 9110 section 15.2). The standard library skips only 100.

    It does not skip 101: no other protocol was asked for, so a system that switches to one gives no answer.
    """

    def begin(self) -> None:
        """Read the beginning of the final response."""
        super().begin()
        while 100 <= self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # as before the first line was read
            super().begin()


class _WatchedConnection(HTTPConnection):
    """Gives the deadline of its thread the socket that it waits for."""

    response_class = FinalResponse

    def getresponse(self) -> Any:
        _watched.watch(self.sock)
        return super().getresponse()


class _WatchedTlsConnection(HTTPSConnection):
    """The same with TLS, where the connection has another class."""

    response_class = FinalResponse

    def getresponse(self) -> Any:
        _watched.watch(self.sock)
        return super().getresponse()


def watch(sock: socket.socket) -> None:
    """Give the deadline of this thread a socket that it ends, too: one without HTTP, or before its handshake."""
    watcher: Callable[[socket.socket | None], None] = _watched.watch
    watcher(sock)


class WatchedPool(HTTPConnectionPool):
    """Connections that a deadline can end."""

    ConnectionCls = _WatchedConnection


class WatchedTlsPool(HTTPSConnectionPool):
    """The same with TLS."""

    ConnectionCls = _WatchedTlsConnection


@contextmanager
def deadline(seconds: float) -> Iterator[float]:
    """End this thread's wait after this time in total.

    Args:
        seconds: The time. It is what the context gives, too.

    Raises:
        OSError: The time is over, whatever else went wrong.
    """
    sockets: list[socket.socket] = []
    ended = threading.Event()

    def end() -> None:
        ended.set()
        for each in sockets:
            _end(each)

    def watch(sock: socket.socket | None) -> None:
        if sock is not None:
            sockets.append(sock)
            if ended.is_set():  # it was made too late
                _end(sock)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    watcher: Callable[[socket.socket | None], None] = watch
    _watched.watch = watcher
    try:
        yield seconds
        if ended.is_set():
            raise OSError(f"it took more than {seconds:g} s")
    except (urllib3.exceptions.HTTPError, OSError):
        if ended.is_set():
            raise OSError(f"it took more than {seconds:g} s") from None
        raise
    finally:
        timer.cancel()


def _end(sock: socket.socket) -> None:
    """Shut a connection down beneath its TLS, which would first forget that it is one, and then send in the clear."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
