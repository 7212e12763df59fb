"""A mail server that does one thing wrong at one step, and else is right. It keeps every byte that it is sent."""

import ssl
import threading
from collections.abc import Callable
from socket import socket

Deed = Callable[["BadMail", socket, threading.Event], None]
STEPS = ("greeting", "ehlo", "starttls", "handshake", "ehlo again", "user", "sender", "recipient", "data", "content")
_RIGHT = {
    "greeting": b"220 localhost ESMTP\r\n",
    "ehlo": b"250-localhost\r\n250-STARTTLS\r\n250 SIZE 1000000\r\n",
    "starttls": b"220 go ahead\r\n",
    "ehlo again": b"250-localhost\r\n250 AUTH PLAIN LOGIN\r\n",
    "user": b"235 2.7.0 welcome\r\n",
    "sender": b"250 2.1.0 ok\r\n",
    "recipient": b"250 2.1.5 ok\r\n",
    "data": b"354 go on\r\n",
    "content": b"250 2.0.0 queued\r\n",
}


def hang(_of: "BadMail", _connection: socket, stopped: threading.Event) -> None:
    """Say nothing, and keep the connection."""
    stopped.wait(10)


def hang_up(_of: "BadMail", connection: socket, _stopped: threading.Event) -> None:
    """Close the connection."""
    connection.close()


def drip(_of: "BadMail", connection: socket, stopped: threading.Event) -> None:
    """Say a byte now and then, for ever: no single wait is long."""
    while not stopped.wait(0.05):
        connection.sendall(b"2")


def lines_without_end(_of: "BadMail", connection: socket, stopped: threading.Event) -> None:
    """Say that more lines follow, for ever."""
    while not stopped.is_set():
        connection.sendall(b"250-and more\r\n" * 100)


def long_line(_of: "BadMail", connection: socket, stopped: threading.Event) -> None:
    """Say a line of a megabyte."""
    connection.sendall(b"250 " + b"x" * 1_000_000)
    stopped.wait(10)


def nonsense(_of: "BadMail", connection: socket, stopped: threading.Event) -> None:
    """Speak another protocol."""
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    stopped.wait(10)


def saying(text: bytes) -> Deed:
    """Say this, and go on."""

    def say(_of: "BadMail", connection: socket, _stopped: threading.Event) -> None:
        connection.sendall(text)

    return say


class BadMail:
    """Serves connections, as the function of a :class:`RawServer`.

    Args:
        context: Its TLS.
        step: Where it does something wrong. "" for nowhere.
        deed: What it does there.

    Attributes:
        heard: All that it was sent, before TLS and within it.
        mails: The contents that it accepted.
        tries: How many connections there were.
    """

    def __init__(self, context: ssl.SSLContext, step: str = "", deed: Deed = hang) -> None:
        self._context = context
        self._step = step
        self._deed = deed
        self.heard = b""
        self.mails: list[bytes] = []
        self.tries = 0

    def __call__(self, connection: socket, stopped: threading.Event) -> None:
        """Serve one connection."""
        self.tries += 1
        self._answer("greeting", connection, stopped)
        for step in ("ehlo", "starttls"):
            self._line(connection)
            self._answer(step, connection, stopped)
        if self._step == "handshake":
            self._deed(self, connection, stopped)
            return
        with self._context.wrap_socket(connection, server_side=True) as secured:
            for step in ("ehlo again", "user", "sender", "recipient", "data"):
                self._line(secured)
                self._answer(step, secured, stopped)
            content = self._until(secured, b"\r\n.\r\n")
            self._answer("content", secured, stopped)
            self.mails.append(content)
            self._line(secured)

    def _answer(self, step: str, connection: socket, stopped: threading.Event) -> None:
        if step == self._step:
            self._deed(self, connection, stopped)
        else:
            connection.sendall(_RIGHT[step])

    def _line(self, connection: socket) -> bytes:
        return self._until(connection, b"\r\n")

    def _until(self, connection: socket, end: bytes) -> bytes:
        found = b""
        while not found.endswith(end):
            piece = connection.recv(1 if len(end) == 2 else 65536)
            if not piece:
                raise OSError("the client hung up")
            found += piece
            self.heard += piece
        return found
