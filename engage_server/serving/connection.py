"""One client's connection: bytes in and out without ever waiting, with or without TLS."""

import re
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from engage_server.serving.deadlines import Phase
from engage_server.serving.tls_context import ReleaseContext

if TYPE_CHECKING:
    from engage_server.serving.request_reader import RequestReader

RECEIVE_BYTES = 16 * 1024
# a call for each operation, in place of one that makes the socket non-blocking: accept is where the load is
_AT_ONCE = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL

_QUICK_ACKNOWLEDGEMENT: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux has it

# OpenSSL's names of the alerts that a peer sent: SSLV3_ALERT_BAD_CERTIFICATE, TLSV1_ALERT_UNKNOWN_CA, ...
_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?([A-Z_]+)")


class Connection:
    """A plain TCP connection.

    Attributes:
        address: The client's, as text.
        local: The address of this host that it called, where that chooses a site; else "".
        fileno: The socket's number, for epoll.
        phase: What it waits for; kept by :class:`engage_server.serving.deadlines.Deadlines`.
        accepted_at: When, by the monotonic clock.
        inbox: What came in and was not used yet.
        reader: Of a request that came only in part so far.
        requests: How many were answered.
        serial: The serial number that a request on it told; None for none.
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
        "inbox",
        "lingers",
        "local",
        "phase",
        "reader",
        "requests",
        "serial",
        "socket",
        "tls_version",
    )

    tls_version: str

    def __init__(self, client: socket.socket, address: str, now: float) -> None:
        self.socket = client
        self.fileno = client.fileno()
        self.address = address
        self.local = ""
        self.phase = Phase.HEADER
        self.accepted_at = now
        self.inbox = b""
        self.reader: RequestReader | None = None
        self.requests = 0
        self.serial: str | None = None
        self.closes = False
        self.lingers = True
        self.tls_version = ""
        self._outbox = b""

    def receive(self) -> bytes | None:
        """What has arrived, at most :data:`RECEIVE_BYTES`; b"" for nothing yet, None when the client is done.

        Raises:
            OSError: The connection broke.
            TlsFailure: With TLS only.
        """
        try:
            return self.socket.recv(RECEIVE_BYTES, _AT_ONCE) or None
        except BlockingIOError:
            return b""

    def send(self, content: bytes) -> bool:
        """Send as much as goes out at once, and keep the rest. Whether all is gone.

        Raises:
            OSError: The connection broke.
        """
        if not self._outbox:
            try:
                sent = self.socket.send(content, _AT_ONCE)
            except BlockingIOError:
                sent = 0
            if sent == len(content):
                return True
            content = content[sent:]
        self._outbox += content
        return self.flush()

    def send_last(self, content: bytes) -> bool:
        """The same, and tell the client that nothing follows."""
        return self.send(content)

    def flush(self) -> bool:
        """Send what is left of it. Whether all is gone.

        Raises:
            OSError: The connection broke.
        """
        while self._outbox:
            try:
                sent = self.socket.send(self._outbox, _AT_ONCE)
            except BlockingIOError:
                return False
            self._outbox = self._outbox[sent:]
        return True

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
            return bool(self.socket.recv(RECEIVE_BYTES, _AT_ONCE))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def give_up_reading(self) -> None:
        """Nothing more is expected of the request that came in part."""
        if self.reader is not None:
            self.reader.release()
            self.reader = None

    def close(self) -> None:
        """Give back the socket, and what it has kept."""
        self.give_up_reading()
        self.socket.close()


class TlsFailure(Exception):
    """The handshake failed, or the client sent an alert.

    Args:
        reason: ``alert unknown_ca`` for an alert of the client's; else OpenSSL's reason in lower case.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TlsConnection(Connection):
    """A connection in TLS, by way of memory: one system call moves a whole flight in either direction.

    Args:
        context: With which the handshake begins; its servername callback chooses the site's own.
        local: The address of this host that was called, where that chooses a site.

    Attributes:
        handshaken: Whether the handshake is over.
        identified: Whether a request has said whose handshake it was.
        has_token: Whether a request has brought a token that may prove it.
        said_something: Whether the client ever sent a byte.
    """

    __slots__ = ("_incoming", "_outgoing", "_tls", "handshaken", "has_token", "identified", "said_something")

    def __init__(
        self, client: socket.socket, address: str, now: float, context: ssl.SSLContext, local: str = ""
    ) -> None:
        super().__init__(client, address, now)
        self.local = local
        self.phase = Phase.HANDSHAKE
        self.handshaken = False
        self.said_something = False
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.identified = False
        self.has_token = False
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        if local:
            self._tls.local = local  # type: ignore[attr-defined]  # for the servername callback, which gets nothing else

    @property
    def context(self) -> ReleaseContext | None:
        """The context that was chosen; None before."""
        context = self._tls.context
        return context if isinstance(context, ReleaseContext) else None

    @property
    def resumed(self) -> bool:
        """Whether the handshake took up an earlier session."""
        return bool(self._tls.session_reused)

    def receive(self) -> bytes | None:
        """What has arrived, decrypted. Drives the handshake on the way."""
        try:
            received = self.socket.recv(RECEIVE_BYTES, _AT_ONCE)
        except BlockingIOError:
            return b""
        if not received:
            return None
        self.said_something = True
        self._incoming.write(received)
        try:
            if not self.handshaken:
                self._tls.do_handshake()
                self.handshaken = True
                self.tls_version = self._tls.version() or ""
                self._acknowledge()
            plaintext = self._decrypted()
        except ssl.SSLWantReadError:
            plaintext = b""
        except ssl.SSLError as error:
            with suppress(OSError):  # why it failed is worth more than that the client has gone since
                super().send(self._outgoing.read())  # our alert, if there is one
            raise TlsFailure(_reason(error)) from None
        if self._outgoing.pending:  # our part of the handshake
            super().send(self._outgoing.read())
        return plaintext

    def send(self, content: bytes) -> bool:
        """Encrypt and send."""
        self._tls.write(content)
        return super().send(self._outgoing.read())

    def send_last(self, content: bytes) -> bool:
        """The same, and close_notify with it (RFC 8446 section 6.1)."""
        self._tls.write(content)
        with suppress(ssl.SSLError):  # which is how it says that the client's own is not there yet
            self._tls.unwrap()
        return super().send(self._outgoing.read())

    def _decrypted(self) -> bytes | None:
        plaintext = b""
        while self._incoming.pending or self._tls.pending():  # not until SSLWantReadError: that is the dear way
            try:
                piece = self._tls.read(RECEIVE_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:  # close_notify
                return plaintext or None
            plaintext += piece
        return plaintext

    def _acknowledge(self) -> None:
        """Let the client's end of the handshake be acknowledged now, where nothing of ours carries that along.

        In TLS 1.3 the server says nothing after the handshake (we send no tickets), so the client's Nagle algorithm
        would hold its request back until our delayed acknowledgement, 40 ms later.
        """
        if not self._outgoing.pending and not self._incoming.pending and _QUICK_ACKNOWLEDGEMENT is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGEMENT, 1)


def _reason(error: ssl.SSLError) -> str:
    reason = error.reason or type(error).__name__
    alert = _ALERT.fullmatch(reason)
    return f"alert {alert[1].lower()}" if alert else reason.lower()
