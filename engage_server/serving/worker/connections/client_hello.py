"""Checks a ClientHello before OpenSSL reads it.

OpenSSL allocates what the header of a handshake message announces: up to 128 KiB for ten bytes on the wire. And it
reports no server name that is not ASCII to Python's callback. So a ClientHello is kept here until it is whole. Only
then does OpenSSL get the connection. Sizes are in bytes. The numbers are those of RFC 8446.
"""

import struct

# how a balancer begins a connection where its PROXY protocol is on
PROXY_HEADERS = (b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n")
SENTENCES = {
    "hello name": "a server name that is not ASCII was refused with alert 112 (unrecognized_name)",
    "hello proxy": "a connection began with the PROXY protocol, from an address that is not in proxy_protocol_from: "
    "no device gets through that balancer. Add its network to proxy_protocol_from, or switch the protocol off there",
}

MAX_HELLO_BYTES = 16 * 1024  # on the wire; a device's takes some 300, one with post-quantum keys some 1,800

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _HEARTBEAT = 20, 21, 22, 24
_CLIENT_HELLO = 1
_MAX_RECORD_BYTES = 16 * 1024
_UNEXPECTED_MESSAGE, _RECORD_OVERFLOW, _ILLEGAL_PARAMETER, _UNRECOGNIZED_NAME = 10, 22, 47, 112
_RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # section 4.1.3
_BEFORE_SESSION_ID = 4 + 2 + 32  # the message's header, version, random
_SERVER_NAME, _HOST_NAME = 0, 0
_EXTENSION = struct.Struct(">HH").unpack_from  # its kind and its length; a hello has about a dozen extensions


class HelloRefused(Exception):
    """Bytes that are no ClientHello that OpenSSL should see.

    Args:
        alert: The number of the TLS alert.
        reason: ``hello size``, ``hello record``, ``hello name`` or ``hello proxy``.
    """

    def __init__(self, alert: int, reason: str) -> None:
        super().__init__(reason)
        self.alert = alert
        self.reason = reason

    @property
    def is_hello(self) -> bool:
        """Whether the bytes were a whole hello, so that the sender may be a device."""
        return self.alert == _UNRECOGNIZED_NAME

    @property
    def record(self) -> bytes:
        """Return the fatal alert as it is sent."""
        return bytes((_ALERT, 3, 3, 0, 2, 2, self.alert))


class HelloReader:
    """Reads one ClientHello from any number of pieces and records. Each byte is read once.

    Bytes that are no TLS record at all go to OpenSSL unchanged: it recognises HTTP and SSL 2.0, and reports them. So
    does an alert.

    Attributes:
        is_done: Whether the hello is whole, or the bytes are no hello.
        is_hello: Whether the bytes are a whole hello.
        server_name: The name that the hello gives. b"" while it is not whole, or if it gives none.
        rest: The bytes after the hello. OpenSSL may read them only after it has answered the hello: its answer says
            whether another hello is expected.
    """

    __slots__ = ("_held", "_message", "_next_record", "_wanted", "is_done", "is_hello", "rest", "server_name")

    def __init__(self) -> None:
        self._held = bytearray()
        self._message = bytearray()
        self._next_record = 0  # where the next record's header begins in the bytes held
        self._wanted = 0  # the message's length with its header; 0 while it is not known
        self.is_done = False
        self.is_hello = False
        self.rest = b""
        self.server_name = b""

    def feed(self, content: bytes) -> bytes:
        """Read the bytes that arrived.

        Returns:
            What OpenSSL may read now. b"" while the hello is not whole.

        Raises:
            HelloRefused: The hello is too large, in no order that TLS allows, or has a server name that is not ASCII.
                Or a balancer's PROXY header came instead.
        """
        end = 0 if self._held else _end_of_whole(content)
        if end:  # nearly every hello arrives in one piece and one record
            self.server_name = _ascii_name(content[5:end])
            self.is_done, self.is_hello, self.rest = True, True, content[end:]
            return content[:end]
        self._held += content
        while not self.is_done and self._read_record():
            pass
        if max(self._next_record, len(self._held) * (not self.is_done)) > MAX_HELLO_BYTES + 5:
            raise HelloRefused(_ILLEGAL_PARAMETER, "hello size")
        if self.is_done:
            ready, self.rest = bytes(self._held[: self._next_record]), bytes(self._held[self._next_record :])
            self._held.clear()
            return ready
        return self._alerts()

    def _read_record(self) -> bool:
        """Read the next record, as far as it has arrived. False if more must come."""
        held, begin = self._held, self._next_record
        if len(held) == begin:
            return False
        kind = held[begin]
        if begin == 0 and held.startswith(PROXY_HEADERS):
            raise HelloRefused(_UNEXPECTED_MESSAGE, "hello proxy")
        if begin == 0 and not _CHANGE_CIPHER_SPEC <= kind <= _HEARTBEAT:
            self.is_done, self._next_record = True, len(held)
            return False
        if kind not in (_HANDSHAKE, _ALERT, _CHANGE_CIPHER_SPEC):
            raise HelloRefused(_UNEXPECTED_MESSAGE, "hello record")
        if len(held) < begin + 5:
            return False
        end = begin + 5 + int.from_bytes(held[begin + 3 : begin + 5], "big")
        self._assert_length(kind, end - begin - 5)
        if kind == _HANDSHAKE:
            self._assert_small(held[begin + 5 : min(begin + 9, end)])
        if len(held) < end:
            return False
        self._next_record = end
        if kind == _HANDSHAKE:
            self._message += held[begin + 5 : end]
            self._look_at_message()
        return True

    def _assert_length(self, kind: int, length: int) -> None:
        if length > _MAX_RECORD_BYTES:
            raise HelloRefused(_RECORD_OVERFLOW, "hello size")
        if length == 0 or (kind != _HANDSHAKE and (length > 2 or self._message)):
            raise HelloRefused(_UNEXPECTED_MESSAGE, "hello record")

    def _assert_small(self, begun: bytearray) -> None:
        """Check the announced size before the record is whole, so that a client that announces too much is refused."""
        header = (self._message + begun)[:4] if len(self._message) < 4 else self._message[:4]
        if header and header[0] != _CLIENT_HELLO:
            raise HelloRefused(_UNEXPECTED_MESSAGE, "hello record")
        if len(header) == 4:
            self._wanted = 4 + int.from_bytes(header[1:4], "big")
            if self._wanted > MAX_HELLO_BYTES:
                raise HelloRefused(_ILLEGAL_PARAMETER, "hello size")

    def _look_at_message(self) -> None:
        if not self._wanted or len(self._message) < self._wanted:
            return
        if len(self._message) > self._wanted:  # another message in the hello's record
            raise HelloRefused(_UNEXPECTED_MESSAGE, "hello record")
        self.server_name = _ascii_name(bytes(self._message))
        self.is_done, self.is_hello = True, True

    def _alerts(self) -> bytes:
        """Pass on alerts in front of a hello, for OpenSSL to handle: a client may give up without sending a hello."""
        if self._message or not self._next_record or self._held[0] != _ALERT:
            return b""
        ready = bytes(self._held[: self._next_record])
        del self._held[: self._next_record]
        self._next_record = 0
        return ready


def asks_for_another(flight: bytes) -> bool:
    """Whether the bytes that the server sends are a HelloRetryRequest: a second ClientHello follows."""
    return flight[11:43] == _RETRY_RANDOM


def _end_of_whole(content: bytes) -> int:
    """Return where the first record ends, if it holds one whole ClientHello; else 0."""
    if len(content) < 9 or content[0] != _HANDSHAKE or content[5] != _CLIENT_HELLO:
        return 0
    record, message = content[3] << 8 | content[4], content[6] << 16 | content[7] << 8 | content[8]
    if message + 4 != record or record > min(len(content) - 5, MAX_HELLO_BYTES):
        return 0
    return 5 + record


def _ascii_name(message: bytes) -> bytes:
    """Return the server name. Raise :class:`HelloRefused` for one that is not ASCII (RFC 6066 section 3)."""
    name = server_name(message)
    if not name.isascii():
        raise HelloRefused(_UNRECOGNIZED_NAME, "hello name")
    return name


def server_name(message: bytes) -> bytes:
    """Return the server name in a ClientHello. b"" if there is none, or if it is damaged: OpenSSL reports that."""
    try:
        at = _BEFORE_SESSION_ID
        at += 1 + message[at]  # session ID
        at += 2 + (message[at] << 8 | message[at + 1])  # cipher suites
        at += 1 + message[at]  # compression methods
        end = at + 2 + (message[at] << 8 | message[at + 1])
        at += 2
        while at < end:
            kind, length = _EXTENSION(message, at)
            if kind == _SERVER_NAME:
                return _host_name(message[at + 4 : at + 4 + length])
            at += 4 + length
    except (IndexError, struct.error):
        pass
    return b""


def _host_name(extension: bytes) -> bytes:
    """Read the host name from a list of names: two bytes of length, then each name's kind, length and text."""
    if extension[2] != _HOST_NAME:
        return b""
    return extension[5 : 5 + (extension[3] << 8 | extension[4])]
