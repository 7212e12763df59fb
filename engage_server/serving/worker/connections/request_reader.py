"""Reads a request from bytes with gunicorn's own parser, with our limits and without waiting."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from gunicorn.asgi.parser import (
    LimitRequestHeaders,
    LimitRequestLine,
    ParseError,
    PythonProtocol,
    UnsupportedTransferCoding,
)

from engage_server.web.call_in import UPLOADS_WITHOUT_END

MAX_REQUEST_LINE_BYTES = 4094  # gunicorn's own default
MAX_HEADER_FIELDS = 100
MAX_HEADER_FIELD_BYTES = 8190
MAX_HEADER_BYTES = 32 * 1024  # of the request line and all fields together
MAX_BODY_BYTES = 1024 * 1024  # of an audit: a device's longest list is far below that
MAX_OTHER_BODY_BYTES = 256 * 1024  # of anything else: a device's whole configuration has some 4 KiB
_WIRE_FACTOR, _WIRE_BYTES = (
    2,
    64 * 1024,
)  # of a request: a body in tiny chunks is longer, and chunk extensions are unused
_MAX_UNREAD_BYTES = 8190  # of a chunk's size line that has not ended yet
_FIELD_BYTES = 160  # Python's memory for a header field besides its text

# RFC 9110 sections 15.5 and 15.6, RFC 6585 section 5; everything else that cannot be parsed is 400
_STATUSES: dict[type[ParseError], int] = {
    LimitRequestLine: 414,
    LimitRequestHeaders: 431,
    UnsupportedTransferCoding: 501,
}


class RequestRefused(Exception):
    """The bytes are no request that can be answered. The connection ends with this status.

    Args:
        status: 400, 413, 414, 417, 431 or 501.
        reason: For the log. May hold what the client sent.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class Request:
    """A whole request.

    Attributes:
        method: As received.
        target: As received, in any of the four forms of RFC 9112 section 3.2.
        path: Still percent-encoded. "" for a target that has none.
        query: The raw query string.
        authority: Of a target in absolute form, where it replaces the Host header; else None.
        headers: Lower-case names and values, in the order received.
        body: All of it, without its transfer coding.
        keeps_alive: Whether the client would accept another answer on this connection.
        is_running: Whether a thread works on it.
        is_given_up: Whether the answer is no longer needed.
    """

    method: str
    target: str
    path: str
    query: str
    authority: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    keeps_alive: bool
    is_running: bool = False
    is_given_up: bool = False

    def give_up(self) -> None:
        """Mark the answer as no longer needed, and free the memory if no thread works on the request yet."""
        self.is_given_up = True
        if not self.is_running:
            self.body = b""


BodyLimit = Callable[[str], int]


def limit_of_devices(path: str) -> int:
    """Return the most bytes of a body that a device sends to a path."""
    return MAX_BODY_BYTES if path in UPLOADS_WITHOUT_END else MAX_OTHER_BODY_BYTES


class RequestReader:
    """Reads one request, in any number of pieces.

    Args:
        limit: Returns the most bytes of the body, by the path, which is still percent-encoded.

    Attributes:
        held_bytes: The memory that it takes. Chunk extensions do not count: they are discarded once read.
        in_body: Whether the header is complete.
        wants_continue: Whether the client waits for ``100 Continue`` before it sends the body (RFC 9110 section
            10.1.1).
    """

    __slots__ = (
        "_body",
        "_fed",
        "_header_bytes",
        "_limit",
        "_max_body",
        "_parser",
        "held_bytes",
        "in_body",
        "wants_continue",
    )

    def __init__(self, limit: BodyLimit = limit_of_devices) -> None:
        self._body = bytearray()
        self._fed = 0
        self._limit = limit
        self._max_body = MAX_BODY_BYTES
        self.held_bytes = 0
        self._header_bytes = 0
        self.in_body = False
        self.wants_continue = False
        self._parser = PythonProtocol(
            on_headers_complete=self._header_complete,
            on_body=self._more_body,
            limit_request_line=MAX_REQUEST_LINE_BYTES,
            limit_request_fields=MAX_HEADER_FIELDS,
            limit_request_field_size=MAX_HEADER_FIELD_BYTES,
        )

    def feed(self, content: bytes) -> Request | None:
        """Read the bytes that arrived. Return the request once it is complete.

        Raises:
            RequestRefused: The bytes are no request, or it is too large.
        """
        self._fed += len(content)
        if self._fed > _WIRE_FACTOR * self._max_body + _WIRE_BYTES:
            raise RequestRefused(413, "too much around the body")
        try:
            self._parser.feed(content)
        except ParseError as error:
            status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 400)
            raise RequestRefused(status, str(error)) from None
        except ValueError:  # a Content-Length with more digits than Python converts to a number
            raise RequestRefused(400, "a number is too long") from None
        if not self.in_body:
            self._header_bytes += len(content)
            if self._header_bytes > MAX_HEADER_BYTES:
                raise RequestRefused(431, "the header is too large")
        if self._parser.is_complete:
            self.held_bytes = self._header_bytes + len(self._body)
            return self._request()
        unread = min(len(content), _MAX_UNREAD_BYTES) if self.in_body else 0
        self.held_bytes = self._header_bytes + len(self._body) + unread
        return None

    def close(self) -> None:
        """Free all that was read, at once: parser and reader refer to each other, and the collector comes late."""
        self._body = bytearray()
        del self._parser

    def rest(self) -> bytes:
        """Return the bytes that came after the request."""
        return bytes(self._parser.remaining())

    def _header_complete(self) -> bool:
        self.in_body = True
        self._header_bytes = len(self._parser.path) + sum(
            len(name) + len(value) + _FIELD_BYTES for name, value in self._parser.headers
        )
        self._max_body = self._limit(_parts(self._parser.path.decode("ascii"))[1])
        if (self._parser.content_length or 0) > self._max_body:
            raise RequestRefused(413, "the body is too large")
        for name, value in self._parser.headers:
            # a coding below the chunks would reach the app undecoded
            if name == b"transfer-encoding" and value.lower() != b"chunked":
                raise RequestRefused(501, "transfer coding")
            if name == b"expect":
                if value.lower() != b"100-continue":
                    raise RequestRefused(417, "expectation")
                self.wants_continue = self._parser.http_version >= (1, 1)
        return False

    def _more_body(self, piece: bytes) -> None:
        self._body += piece
        if len(self._body) > self._max_body:
            raise RequestRefused(413, "the body is too large")

    def _asks_for_the_end(self) -> bool:
        """Whether any Connection field says close (RFC 9112 section 9.3). gunicorn's parser reads only the last one."""
        fields = [value for name, value in self._parser.headers if name == b"connection"]
        return any(option.strip(b" \t").lower() == b"close" for field in fields for option in field.split(b","))

    def _request(self) -> Request:
        target = self._parser.path.decode("ascii")
        authority, path, query = _parts(target)
        method = self._parser.method.decode("ascii")
        return Request(
            method=method,
            target=target,
            path=path,
            query=query,
            authority=authority,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._parser.headers),
            body=bytes(self._body),
            keeps_alive=self._parser.http_version >= (1, 1) and method != "CONNECT" and not self._asks_for_the_end(),
        )


def _parts(target: str) -> tuple[str | None, str, str]:
    """Return the authority, path and query of a request target."""
    if target.startswith("/"):
        path, _, query = target.partition("#")[0].partition("?")
        return None, path, query
    if "://" not in target:  # a CONNECT's authority, or the asterisk
        return None, "", ""
    try:
        split = urlsplit(target)
    except ValueError:
        raise RequestRefused(400, "request target") from None
    return split.netloc.rpartition("@")[2], split.path or "/", split.query
