"""Makes one call to a partner's own system, within its time limit, whatever the system does.

The result is a status, a whole body, and the two header fields that mean something to a device. No other header field
reaches a device, so no answer is chunked, compressed or redirected.
"""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPResponse
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from engage_server.errors import UpstreamSilent
from engage_server.records import Upstream
from engage_server.services.sites.upstream_address import assert_usable, trust_of

MAX_ANSWER_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_MAX_RETRY_DIGITS = 10
LAST_CONNECTED = "X-Device-Last-Connected"  # the protocol notes, section 5
_TIME = re.compile("[0-9]{14}")  # YYYYMMDDHHMMSS

_watched = threading.local()


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """The request that is passed on.

    Attributes:
        method: The HTTP method.
        target: Path and query, as the device sent them.
        body: The body as the device sent it; None for none.
        headers: Authorization, Content-Type, and the caller's address and serial number. Secret.
    """

    method: str
    target: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """The system's answer.

    Attributes:
        status: The HTTP status.
        body: The whole body.
        retry_seconds: After how many seconds to call again, if the system says so (Retry-After, RFC 9110 section
            10.2.3). None for nothing, or for a date, because it is not known whose clock is right.
        last_connected: The time that it gives the device for its next token (X-Device-Last-Connected, 14 digits); ""
            if it gives none, or another text.
    """

    status: int
    body: bytes = field(repr=False)
    retry_seconds: int | None = None
    last_connected: str = ""


class UpstreamHost:
    """A partner's system. Safe for many threads, which share its connections.

    Args:
        upstream: Its address, and the CAs to trust.
        connections: How many connections are kept.

    Raises:
        UsageError: The address or the certificates cannot be used.
    """

    def __init__(self, upstream: Upstream, connections: int) -> None:
        assert_usable(upstream)
        self._upstream = upstream
        self._base = upstream.url.rstrip("/")
        self._pool = urllib3.PoolManager(
            num_pools=2, maxsize=connections, retries=False, ssl_context=trust_of(upstream.trust_pem)
        )
        self._pool.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTlsPool}

    def call(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Pass a call on.

        Raises:
            UpstreamSilent: It did not answer in time, or not with HTTP. Or its answer is incomplete or too long. Or its
                certificate does not lead to a trusted CA. It may have accepted the call anyway.
        """
        try:
            with _deadline(self._upstream.timeout_seconds) as seconds:
                return self._call(request, seconds)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise UpstreamSilent(
                f"{self._base} does not answer: {_reason(error)}",
                "Check the upstream system, its certificate, and the network in between.",
            ) from None

    def _call(self, request: UpstreamRequest, seconds: float) -> UpstreamAnswer:
        response = self._pool.request(
            request.method,
            self._base + request.target,
            body=request.body,
            headers={"Accept": "application/json", **request.headers, "Accept-Encoding": "identity"},
            timeout=urllib3.Timeout(connect=seconds, read=seconds),
            redirect=False,
            preload_content=False,
        )
        try:
            body = bytearray()
            for piece in response.stream(_PIECE_BYTES):
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    response.close()
                    raise OSError(f"its answer has more than {MAX_ANSWER_BYTES} bytes")
            if response.length_remaining:
                raise OSError("its answer broke off")
            retry = _retry_seconds(response.headers.get("Retry-After"))
            return UpstreamAnswer(response.status, bytes(body), retry, _last_connected(response.headers))
        finally:
            response.release_conn()


def _retry_seconds(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < _MAX_RETRY_DIGITS else None


def _last_connected(headers: Mapping[str, str]) -> str:
    text = headers.get(LAST_CONNECTED, "").strip()
    return text if _TIME.fullmatch(text) else ""


class _FinalResponse(HTTPResponse):
    """Skips every interim response (RFC 9110 section 15.2). The standard library skips only 100.

    It does not skip 101: no other protocol was asked for, so a system that switches to one gives no answer.
    """

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # as before the first line was read
            super().begin()


class _WatchedConnection(HTTPConnection):
    """Gives the deadline of its thread the socket that it waits for."""

    response_class = _FinalResponse

    def getresponse(self) -> Any:
        _watched.watch(self.sock)
        return super().getresponse()


class _WatchedTlsConnection(HTTPSConnection):
    """The same with TLS, where the connection has another class."""

    response_class = _FinalResponse

    def getresponse(self) -> Any:
        _watched.watch(self.sock)
        return super().getresponse()


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTlsConnection


@contextmanager
def _deadline(seconds: float) -> Iterator[float]:
    """End this thread's wait after this time in total. A socket's timeout would start again with each byte."""
    sockets: list[socket.socket] = []
    ended = threading.Event()

    def end() -> None:
        ended.set()
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def watch(sock: socket.socket | None) -> None:
        if sock is not None:
            sockets.append(sock)

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


def _reason(error: Exception) -> str:
    """The reason of an error, without text that may repeat a header field."""
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its name is not known"
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # by its class it is also a timeout
        return f"no connection ({_innermost(error.__cause__ or error)})"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "no answer in time"
    if isinstance(error, urllib3.exceptions.SSLError):
        return f"TLS failed ({_innermost(error)})"
    return _innermost(error)


def _innermost(error: BaseException) -> str:
    reason = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
    if reason is not None:
        return _innermost(reason)
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return type(error).__name__
