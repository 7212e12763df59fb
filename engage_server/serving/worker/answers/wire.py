"""The form of every answer on the wire."""

import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

_SERVER = b"Server: gunicorn\r\n"
_CLOSE = b"Connection: close\r\n"
_KEEP_ALIVE = b"Connection: keep-alive\r\n"

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Dates:
    """The Date field (RFC 9110 section 6.6.1), made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._field = b""

    def field(self) -> bytes:
        """The whole line."""
        second = int(time.time())
        if second != self._second:
            self._second, self._field = second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii")
        return self._field


def status_line(status: str) -> bytes:
    """Always HTTP/1.1, also to a client that spoke 1.0 (RFC 9110 section 6.2): devices look for it."""
    return f"HTTP/1.1 {status}\r\n".encode("latin-1")


def fields(headers: Iterable[tuple[str, str]]) -> bytes:
    """The app's header fields, as they are, and the end of the header."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1") + b"\r\n"


def answer(status: bytes, date: bytes, rest: bytes, *, keeps_alive: bool) -> bytes:
    """A whole answer.

    Args:
        status: From :func:`status_line`.
        date: From :class:`Dates`.
        rest: From :func:`fields`, and the body behind it.
        keeps_alive: Whether the connection stays open.
    """
    return b"".join((status, _SERVER, date, _KEEP_ALIVE if keeps_alive else _CLOSE, rest))


def failure() -> tuple[bytes, bytes]:
    """Status line, and header fields with body, for an app that raised."""
    body = '{"error":"internal error"}'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return status_line("500 Internal Server Error"), fields(headers) + body.encode("ascii")


def refusal(status: int) -> bytes:
    """Small JSON for what is no request, or cannot be served now. Repeats nothing of what came."""
    phrase = HTTPStatus(status).phrase
    body = f'{{"error":"{phrase.lower()}"}}'
    head = f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode("ascii")
