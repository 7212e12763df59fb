"""One client's connection: bytes in and out without waiting."""

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from engage_server.serving.worker.connections.deadlines import Phase

if TYPE_CHECKING:
    from engage_server.serving.worker.connections.request_reader import Request, RequestReader

RECEIVE_BYTES = 16 * 1024
# A flag for each operation, not one call that makes the socket non-blocking: accepting is the busiest part.
AT_ONCE = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL

# How much of a long answer is sent at once, while all other clients wait.
_SEND_BYTES = 256 * 1024
PIECES_A_TURN = 4
NOTHING = memoryview(b"")
_HEADER = Phase.HEADER

# The standard library's own class without what Python adds: makefile(), and enumerations created at each accept.
Socket = socket.SocketType


class Connection:
    """A plain TCP connection.

    Attributes:
        address: The client's address, as text.
        local: The address of this host that the client called, where that chooses a site; else "".
        fileno: The socket's number, for epoll.
        phase: What the connection waits for.
            :class:`engage_server.serving.worker.connections.deadlines.Deadlines` sets it.
        accepted_at: When it was accepted, by the monotonic clock.
        inbox: Bytes that arrived and were not used yet.
        reader: Of a request that has only partly arrived.
        request: The request that the app is to answer, or None.
        requests: How many requests were answered.
        held_bytes, held_since: How much memory the connection takes, and since when.
            :class:`engage_server.serving.worker.connections.memory_budget.MemoryBudget` sets them.
        serial: The serial number that a request on it gave, or None.
        is_balancers: Whether a balancer speaks for itself on it. Nothing on it is evidence of a device.
        is_marked: Whether the client has said on it that it is a virtual lock.
        tls_version: Such as ``TLSv1.3``. "" without TLS, and until the handshake is over.
        closes: Whether it is closed once everything is sent.
        lingers: Whether it is then still read until the client closes, too.
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
        "is_balancers",
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
        self.is_balancers = False
        self.is_marked = False
        self.tls_version = ""
        self._outbox = NOTHING

    def receive(self) -> bytes | None:
        """Return the bytes that arrived, at most :data:`RECEIVE_BYTES`: b"" for none yet, None if the client is done.

        Raises:
            OSError: The connection broke.
            TlsFailure: With TLS only.
        """
        try:
            return self.socket.recv(RECEIVE_BYTES, AT_ONCE) or None
        except BlockingIOError:
            return b""

    def send(self, content: bytes) -> bool:
        """Send as much as possible at once, and keep the rest. Return whether all was sent.

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
        """Send as :meth:`send` does, then signal to the client that nothing follows."""
        return self.send(content)

    def flush(self) -> bool:
        """Send what is left, at most some pieces per call. Return whether all was sent.

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
            self._outbox = NOTHING  # an empty view would keep the whole answer in memory
            return True
        return False

    def stop_sending(self) -> None:
        """End our direction.

        The client can still send, and is read until it closes. A close with unread bytes would reset the connection,
        and the client could lose the answer (RFC 9112 section 9.6).
        """
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def discard(self) -> bool:
        """Read and discard bytes after the last answer. False if the client has closed."""
        try:
            return bool(self.socket.recv(RECEIVE_BYTES, AT_ONCE))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def give_up_reading(self) -> None:
        """Expect nothing more of a request that has only partly arrived."""
        if self.reader is not None:
            self.reader.close()
            self.reader = None

    @property
    def can_give_way(self) -> bool:
        """Whether ending it frees the memory that it takes. Not while a thread works with it."""
        return self.request is None or not self.request.is_running

    def close(self) -> None:
        """Release the socket, and the memory that it takes."""
        self.give_up_reading()
        if self.request is not None:
            self.request.give_up()
        self._outbox = NOTHING
        self.socket.close()
