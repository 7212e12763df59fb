"""One client's connection: bytes in and out without ever waiting."""

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from engage_server.serving.worker.connections.deadlines import Phase

if TYPE_CHECKING:
    from engage_server.serving.worker.connections.request_reader import Request, RequestReader

RECEIVE_BYTES = 16 * 1024
# a call for each operation, in place of one that makes the socket non-blocking: accept is where the load is
AT_ONCE = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL

# Of a long answer, what goes out at once: meanwhile the others wait.
_SEND_BYTES = 256 * 1024
PIECES_A_TURN = 4
NOTHING = memoryview(b"")
_HEADER = Phase.HEADER

# The standard library's own class without what it adds in Python: makefile(), and enumerations made at each accept.
Socket = socket.SocketType


class Connection:
    """A plain TCP connection.

    Attributes:
        address: The client's, as text.
        local: The address of this host that it called, where that chooses a site; else "".
        fileno: The socket's number, for epoll.
        phase: What it waits for; kept by :class:`engage_server.serving.worker.connections.deadlines.Deadlines`.
        accepted_at: When, by the monotonic clock.
        inbox: What came in and was not used yet.
        reader: Of a request that came only in part so far.
        request: That the app is to answer; None for none.
        requests: How many were answered.
        held_bytes, held_since: What it makes the worker keep, and since when; kept by
            :class:`engage_server.serving.worker.connections.memory_budget.MemoryBudget`.
        serial: The serial number that a request on it told; None for none.
        is_marked: Whether the client has said on it that it is a virtual lock.
        tls_version: Such as ``TLSv1.3``; "" without TLS, and until the handshake is over.
        closes: Whether it is closed once all is sent.
        lingers: Whether it is read then until the client closes, too.
    """

    __slots__ = (
        "_outbox",
        "accepted_at",
        "address",
        "closes",
        "fileno",
        "held_bytes",
        "held_since",
        "inbox",
        "is_marked",
        "lingers",
        "local",
        "phase",
        "reader",
        "request",
        "requests",
        "serial",
        "socket",
        "tls_version",
    )

    tls_version: str

    def __init__(self, client: Socket, address: str, now: float) -> None:
        self.socket = client
        self.fileno = client.fileno()
        self.address = address
        self.local = ""
        self.phase = _HEADER
        self.accepted_at = now
        self.inbox = b""
        self.reader: RequestReader | None = None
        self.request: Request | None = None
        self.requests = 0
        self.held_bytes = 0
        self.held_since = 0.0
        self.serial: str | None = None
        self.closes = False
        self.lingers = True
        self.is_marked = False
        self.tls_version = ""
        self._outbox = NOTHING

    def receive(self) -> bytes | None:
        """What has arrived, at most :data:`RECEIVE_BYTES`; b"" for nothing yet, None when the client is done.

        Raises:
            OSError: The connection broke.
            TlsFailure: With TLS only.
        """
        try:
            return self.socket.recv(RECEIVE_BYTES, AT_ONCE) or None
        except BlockingIOError:
            return b""

    def send(self, content: bytes) -> bool:
        """Send as much as goes out at once, and keep the rest. Whether all is gone.

        Raises:
            OSError: The connection broke.
        """
        if self._outbox:
            self._outbox = memoryview(bytes(self._outbox) + content)
            return False
        if len(content) <= _SEND_BYTES:
            try:
                sent = self.socket.send(content, AT_ONCE)
            except BlockingIOError:
                sent = 0
            if sent == len(content):
                return True
            self._outbox = memoryview(content)[sent:]
            return False
        self._outbox = memoryview(content)
        return self.flush()

    def send_last(self, content: bytes) -> bool:
        """The same, and tell the client that nothing follows."""
        return self.send(content)

    def flush(self) -> bool:
        """Send what is left of it, in one turn not more than some pieces. Whether all is gone.

        Raises:
            OSError: The connection broke.
        """
        for _ in range(PIECES_A_TURN):
            if not self._outbox:
                return True
            try:
                sent = self.socket.send(self._outbox[:_SEND_BYTES], AT_ONCE)
            except BlockingIOError:
                return False
            self._outbox = self._outbox[sent:]
        if not self._outbox:
            self._outbox = NOTHING  # an empty view would keep all of the answer
            return True
        return False

    def stop_sending(self) -> None:
        """End our direction.

        The client still can send, and is read until it closes: a close that finds unread bytes would reset the
        connection, and could take the answer back (RFC 9112 section 9.6).
        """
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def discard(self) -> bool:
        """Read and forget, after the last answer. False when the client has closed."""
        try:
            return bool(self.socket.recv(RECEIVE_BYTES, AT_ONCE))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def give_up_reading(self) -> None:
        """Nothing more is expected of the request that came in part."""
        if self.reader is not None:
            self.reader.close()
            self.reader = None

    @property
    def can_give_way(self) -> bool:
        """Whether to end it frees what it makes the worker keep: not while a thread works with it."""
        return self.request is None or not self.request.is_running

    def close(self) -> None:
        """Give back the socket, and what it has kept."""
        self.give_up_reading()
        if self.request is not None:
            self.request.give_up()
        self._outbox = NOTHING
        self.socket.close()
