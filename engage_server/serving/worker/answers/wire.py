"""The bytes of every answer as they are sent."""

import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

_SERVER = b"Server: gunicorn\r\n"
_CLOSE = b"Connection: close\r\n"
_KEEP_ALIVE = b"Connection: keep-alive\r\n"

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Dates:
    """The Date field (RFC 9110 section 6.6.1), formatted once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._field = b""

    def field(self) -> bytes:
        """Return the whole line."""
        second = int(time.time())
        if second != self._second:
            self._second, self._field = second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii")
        return self._field


def status_line(status: str) -> bytes:
    """Return a status line. It says HTTP/1.1 also to a 1.0 client (RFC 9110 section 6.2): devices expect it."""
    return f"HTTP/1.1 {status}\r\n".encode("latin-1")


def fields(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the app's header fields unchanged, and the end of the header."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1") + b"\r\n"


def answer(status: bytes, date: bytes, rest: bytes, *, keeps_alive: bool) -> bytes:
    """Return a whole answer.

    Args:
        status: From :func:`status_line`.
        date: From :class:`Dates`.
        rest: From :func:`fields`, followed by the body.
        keeps_alive: Whether the connection stays open.
    """
    return b"".join((status, _SERVER, date, _KEEP_ALIVE if keeps_alive else _CLOSE, rest))


def failure() -> tuple[bytes, bytes]:
    """Return the status line, and header fields with body, for a request on which the app raised."""
    body = '{"error":"internal error"}'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return status_line("500 Internal Server Error"), fields(headers) + body.encode("ascii")


def refusal(status: int) -> bytes:
    """Return small JSON for bytes that are no request, or cannot be answered now. It repeats nothing that was sent."""
    phrase = HTTPStatus(status).phrase
    body = f'{{"error":"{phrase.lower()}"}}'
    head = f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode("ascii")
