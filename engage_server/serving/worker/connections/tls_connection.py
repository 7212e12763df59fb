"""A client's connection in TLS: without waiting, too, by way of memory buffers."""

import re
import socket
import ssl
from contextlib import suppress

from engage_server.protocol.virtual_lock_mark import ALPN
from engage_server.serving.worker.connections.client_hello import HelloReader, HelloRefused, asks_for_another
from engage_server.serving.worker.connections.connection import (
    AT_ONCE,
    NOTHING,
    PIECES_A_TURN,
    RECEIVE_BYTES,
    Connection,
    Socket,
)
from engage_server.serving.worker.connections.deadlines import Phase
from engage_server.serving.worker.connections.tls_context import ByName, ReleaseContext

# How much a client may send in TLS without content. A large record needs more than a record's worth of bytes before the
# first byte of its content can be decrypted. Key updates, empty records and similar cost us work, and the client none.
MAX_EMPTY_BYTES = 32 * 1024
_SUSPECT_EMPTY_BYTES = RECEIVE_BYTES + 512  # a whole record and its overhead
_SUSPECT_RECEIVE_BYTES = 2 * 1024
_ENCRYPT_BYTES = 64 * 1024  # how much of a long answer is encrypted at once

_HANDSHAKE = Phase.HANDSHAKE
_QUICK_ACKNOWLEDGEMENT: int | None = getattr(socket, "TCP_QUICKACK", None)  # only on Linux

# OpenSSL's names of the alerts that a peer sent: SSLV3_ALERT_BAD_CERTIFICATE, TLSV1_ALERT_UNKNOWN_CA, ...
_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?([A-Z_]+)")


class TlsFailure(Exception):
    """The handshake failed, or the client sent an alert.

    Args:
        reason: ``alert unknown_ca`` for an alert of the client; else OpenSSL's reason in lower case.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TlsConnection(Connection):
    """A connection in TLS, by way of memory buffers: one system call moves a whole flight in either direction.

    Args:
        context: The context with which the handshake begins. Its servername callback chooses the site's own.
        local: The address of this host that was called, where that chooses a site.
        by_name: Chooses another context by the server name before OpenSSL begins. So it may also decide whether the
            client is asked for a certificate, which a change of the context afterwards could not. None: it does not.

    Attributes:
        handshaken: Whether the handshake is over.
        identified: Whether a request has identified whose handshake it was.
        has_token: Whether a request has brought a token that may prove it.
        said_hello: Whether a whole ClientHello came. Without one it is a port scan or a health check, not a device.
        said_something: Whether the client ever sent a byte.
    """

    __slots__ = (
        "_begins_with",
        "_by_name",
        "_clear",
        "_empty_bytes",
        "_hello",
        "_incoming",
        "_is_last",
        "_outgoing",
        "_tls",
        "handshaken",
        "has_token",
        "identified",
        "said_hello",
        "said_something",
    )

    _tls: ssl.SSLObject  # these three exist only once the ClientHello is whole: until then OpenSSL holds nothing
    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO

    def __init__(
        self,
        client: Socket,
        address: str,
        now: float,
        context: ssl.SSLContext,
        local: str = "",
        by_name: ByName | None = None,
    ) -> None:
        super().__init__(client, address, now)
        self.local = local
        self.phase = _HANDSHAKE
        self.handshaken = False
        self.said_hello = False
        self.said_something = False
        self.has_token = False
        self.identified = False
        self._by_name = by_name
        self._begins_with: ssl.SSLContext | None = context  # None once OpenSSL has the connection
        self._hello: HelloReader | None = HelloReader()  # None while no ClientHello is expected
        self._empty_bytes = 0
        self._clear = NOTHING  # the part of a long answer that is not encrypted yet
        self._is_last = False

    @property
    def context(self) -> ReleaseContext | None:
        """The context that was chosen. Before that: the one with which the handshake begins."""
        context = self.chosen_context
        return context if isinstance(context, ReleaseContext) else None

    @property
    def chosen_context(self) -> ssl.SSLContext:
        """The same, of any kind."""
        return self._begins_with or self._tls.context

    @property
    def client_certificate(self) -> bytes | None:
        """The DER of the client's certificate, which TLS has verified. None if none was asked for, or given."""
        return self._tls.getpeercert(binary_form=True) if self.handshaken else None

    def _begin(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        if self.local:
            self._tls.local = self.local  # type: ignore[attr-defined]  # for the servername callback, which gets nothing else
        self._begins_with = None

    @property
    def resumed(self) -> bool:
        """Whether the handshake resumed an earlier session. Ask only once it is over."""
        return bool(self._tls.session_reused)

    def receive(self) -> bytes | None:
        """Return the bytes that arrived, decrypted. Also advances the handshake."""
        size = RECEIVE_BYTES if self._empty_bytes < _SUSPECT_EMPTY_BYTES else _SUSPECT_RECEIVE_BYTES
        try:
            received = self.socket.recv(size, AT_ONCE)
        except BlockingIOError:
            return b""
        if not received:
            return None
        return self._advance(received) if self._hello is None else self._shake_hands(received)

    def _advance(self, received: bytes) -> bytes | None:
        self._incoming.write(received)
        try:
            if not self.handshaken:
                self._tls.do_handshake()
                self._handshake_ends()
            plaintext = self._decrypted()
        except ssl.SSLWantReadError:
            plaintext = b""
        except ssl.SSLError as error:
            with suppress(OSError):  # the reason of the failure matters more than that the client is gone since
                super().send(self._outgoing.read())  # our alert, if there is one
            raise TlsFailure(_reason(error)) from None
        if self._outgoing.pending:  # our part of the handshake
            flight = self._outgoing.read()
            if not self.handshaken and asks_for_another(flight):
                self._hello = HelloReader()
            super().send(flight)
        if plaintext is not None:
            self._count_empty(len(received) - 2 * len(plaintext))
        return plaintext

    def _shake_hands(self, received: bytes) -> bytes | None:
        """Handle bytes while a ClientHello is expected: OpenSSL reads nothing before it is whole."""
        self.said_something = True
        plaintext: bytes | None = b""
        while received and plaintext == b"":
            hello, self._hello = self._hello, None
            ready, rest = received, b""
            if hello is not None:
                ready, rest = self._looked_at(hello, received), hello.rest
                self._hello = None if hello.is_done else hello
            if ready:
                plaintext = self._advance(ready)
            received = rest
        return plaintext

    def _looked_at(self, hello: HelloReader, received: bytes) -> bytes:
        try:
            ready = hello.feed(received)
        except HelloRefused as refused:
            if refused.is_hello:
                self._hears_hello(received)
            with suppress(OSError):
                super().send(refused.record)
            raise TlsFailure(refused.reason) from None
        if hello.is_hello:
            self._hears_hello(ready)
        if ready and self._begins_with is not None:
            self._begin(self._begins_with if self._by_name is None else self._by_name(hello.server_name))
        return ready

    def _hears_hello(self, octets: bytes) -> None:
        self.said_hello = True
        self.is_marked = self.is_marked or ALPN in octets  # anywhere in the bytes: a client gains nothing by faking it

    def _handshake_ends(self) -> None:
        self.handshaken = True
        self.tls_version = self._tls.version() or ""
        self._empty_bytes = 0
        self._acknowledge()

    def _count_empty(self, count: int) -> None:
        """Count bytes that came without content. Content makes up for twice as many."""
        empty = self._empty_bytes + count
        self._empty_bytes = max(empty, 0)
        if empty > MAX_EMPTY_BYTES:
            raise TlsFailure("empty records")

    def send(self, content: bytes) -> bool:
        """Encrypt and send."""
        if self._clear or len(content) > _ENCRYPT_BYTES:
            return self._send_long(content)
        self._tls.write(content)
        return super().send(self._outgoing.read())

    def send_last(self, content: bytes) -> bool:
        """Send as :meth:`send` does, followed by close_notify (RFC 8446 section 6.1)."""
        if self._clear or len(content) > _ENCRYPT_BYTES:
            self._is_last = True
            return self._send_long(content)
        self._tls.write(content)
        self._notify_close()
        return super().send(self._outgoing.read())

    def flush(self) -> bool:
        """Send what is left, and encrypt no more of it than the client reads."""
        for _ in range(PIECES_A_TURN):
            if not super().flush():
                return False
            if not self._clear:
                return True
            self._encrypt_next()
        return False

    def close(self) -> None:
        """Release everything."""
        self._clear = NOTHING
        super().close()

    def _send_long(self, content: bytes) -> bool:
        self._clear = memoryview(bytes(self._clear) + content if self._clear else content)
        return self.flush()

    def _encrypt_next(self) -> None:
        self._tls.write(self._clear[:_ENCRYPT_BYTES])
        self._clear = self._clear[_ENCRYPT_BYTES:] if len(self._clear) > _ENCRYPT_BYTES else NOTHING
        if self._is_last and not self._clear:
            self._notify_close()
        self._outbox = memoryview(self._outgoing.read())

    def _notify_close(self) -> None:
        try:
            self._tls.unwrap()
        except ssl.SSLError:  # OpenSSL's way to say that the client's own close_notify has not come yet
            return

    def _decrypted(self) -> bytes | None:
        plaintext = b""
        while self._incoming.pending or self._tls.pending():  # not until SSLWantReadError: raising it is slow
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
        """Acknowledge the client's end of the handshake now, if nothing that we send carries the acknowledgement.

        In TLS 1.3 the server sends nothing after the handshake (we send no tickets). So the client's Nagle algorithm
        would hold its request back until our delayed acknowledgement, 40 ms later.
        """
        if not self._outgoing.pending and not self._incoming.pending and _QUICK_ACKNOWLEDGEMENT is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGEMENT, 1)


def _reason(error: ssl.SSLError) -> str:
    reason = error.reason or type(error).__name__
    alert = _ALERT.fullmatch(reason)
    return f"alert {alert[1].lower()}" if alert else reason.lower()
