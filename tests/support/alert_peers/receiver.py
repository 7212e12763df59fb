"""A webhook's receiver that answers what a test says, and keeps what it was sent."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import parse_headers
from io import BytesIO
from socket import socket

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Got:
    """One request.

    Attributes:
        line: Its first line.
        fields: Its header fields, with names in lower case.
        body: Its body.
    """

    line: str
    fields: dict[str, str]
    body: bytes


class Receiver:
    """Serves connections, as the function of a :class:`RawServer`.

    Args:
        answer: What it answers, or what it does instead.
        context: Its TLS. None for none.

    Attributes:
        got: The requests.
    """

    def __init__(
        self,
        answer: bytes | Callable[[socket, threading.Event], None] = OK,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self._context = context
        self.got: list[Got] = []

    def __call__(self, connection: socket, stopped: threading.Event) -> None:
        """Serve one connection."""
        if self._context is None:
            self._serve(connection, stopped)
            return
        with self._context.wrap_socket(connection, server_side=True) as secured:
            self._serve(secured, stopped)

    def _serve(self, connection: socket, stopped: threading.Event) -> None:
        with connection.makefile("rb") as stream:
            line = stream.readline().decode().strip()
            if not line:
                return
            fields = {name.lower(): value for name, value in parse_headers(stream).items()}
            body = BytesIO(stream.read(int(fields.get("content-length", 0)))).getvalue()
        self.got.append(Got(line, fields, body))
        if callable(self.answer):
            self.answer(connection, stopped)
        else:
            connection.sendall(self.answer)


def answering(status: str, *fields: str, body: bytes = b"") -> bytes:
    """An answer."""
    lines = "".join(f"{each}\r\n" for each in fields)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
