"""HTTP as strict as on a device: HTTP/1.1, a header named exactly Content-Length, no chunks, no redirect.

No library is used, because every library accepts answers that a device does not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.protocol.virtual_lock_mark import HEADER

Receive = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class DeviceResponse:
    """A response that a device would accept.

    Attributes:
        status: The status code, such as 200.
        headers: Names and values as received, in order.
        body: The body, exactly Content-Length bytes.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """The value of a header, ignoring the case of its name; "" if it is missing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def request_bytes(target: str, authority: str, method: str = "GET", body: bytes | None = None) -> bytes:
    """Write a request as devices do, with the header that marks a virtual lock.

    Args:
        target: Path and query.
        authority: The Host header: the host, with the port unless it is the default of the scheme.
        method: The HTTP method.
        body: A JSON body; None for a request without a body.
    """
    head = f"{method} {target} HTTP/1.1\r\nHost: {authority}\r\nAccept: */*\r\n{HEADER}: 1\r\n"
    if body is None:
        return f"{head}\r\n".encode("ascii")
    content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"{head}{content}".encode("ascii") + body


def read_response(
    receive: Receive, limits: DeviceLimits, expected: frozenset[int] = frozenset({200})
) -> DeviceResponse:
    """Read one response.

    Args:
        receive: Called with a number of bytes; returns at most that many, and none at the end of the connection.
        limits: The limits of the device.
        expected: The status codes that the device accepts.

    Raises:
        DeviceRefusal: A device would not accept the response.
        OSError: Raised by ``receive``.
    """
    head, rest = _read_head(receive, limits)
    status_line, *lines = head.split("\r\n")
    status = _status(status_line)
    try:
        headers = tuple(_split_header(line) for line in lines)
        body = _read_body(receive, rest, _content_length(headers, limits))
    except DeviceRefusal as refusal:
        if status in expected:
            raise
        raise _unexpected(status_line, answer_was_read=False) from refusal
    if status not in expected:
        raise _unexpected(status_line, answer_was_read=True)
    return DeviceResponse(status, headers, body)


def _read_body(receive: Receive, begun: bytes, length: int) -> bytes:
    body = begun
    while len(body) < length:
        piece = receive(length - len(body))
        if not piece:
            raise DeviceRefusal(f"the connection ended after {len(body)} of {length} bytes of the body")
        body += piece
    if len(body) > length:
        raise DeviceRefusal(f"{len(body) - length} more bytes follow than Content-Length announces")
    return body


def _read_head(receive: Receive, limits: DeviceLimits) -> tuple[str, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        if len(received) > limits.header_bytes:
            raise DeviceRefusal(f"the header block has more than {limits.header_bytes} bytes")
        piece = receive(4096)
        if not piece:
            what = "an unfinished header" if received else "no answer"
            raise DeviceRefusal(f"the host closed the connection with {what}", "Check that this is an HTTP port.")
        received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


_ADVICE = {
    301: "Devices do not follow redirects. Answer at this address.",
    302: "Devices do not follow redirects. Answer at this address.",
    307: "Devices do not follow redirects. Answer at this address.",
    308: "Devices do not follow redirects. Answer at this address.",
    401: "The host does not serve this network. Check the site's device networks.",
    404: "Check that this is the address of the plain HTTP instance of an ENGAGE host.",
    503: "The host has no release to serve. Check: engage release list",
}


def _status(status_line: str) -> int:
    version, _, status = status_line.partition(" ")
    if version != "HTTP/1.1":
        raise DeviceRefusal(f"the answer is {version[:20]!r}, not HTTP/1.1", "Answer with HTTP/1.1.")
    return int(status[:3]) if status[:3].isascii() and status[:3].isdigit() else 0


def _unexpected(status_line: str, *, answer_was_read: bool) -> DeviceRefusal:
    told = status_line.partition(" ")[2][:60]
    return DeviceRefusal(
        f"the host answered {told}", _ADVICE.get(_status(status_line), ""), answer_was_read=answer_was_read
    )


def _split_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or name != name.strip():
        raise DeviceRefusal(f"a header line cannot be read: {line[:60]!r}")
    return name, value.strip()


def _content_length(headers: tuple[tuple[str, str], ...], limits: DeviceLimits) -> int:
    if any(name.lower() == "transfer-encoding" for name, _ in headers):
        raise DeviceRefusal("the answer is chunked (Transfer-Encoding)", "Answer with a Content-Length.")
    lengths = [value for name, value in headers if name == "Content-Length"]
    if not lengths:
        spelled = [name for name, _ in headers if name.lower() == "content-length"]
        what = f"has {spelled[0]}" if spelled else "has none"
        raise DeviceRefusal(
            f"devices need a header named exactly Content-Length; the answer {what}",
            "Do not use HTTP/2 or a proxy that writes header names in lower case.",
        )
    if len(set(lengths)) > 1 or not lengths[0].isascii() or not lengths[0].isdigit():
        raise DeviceRefusal(f"Content-Length is not one number: {', '.join(lengths)[:60]}")
    if int(lengths[0]) > limits.body_bytes:
        raise DeviceRefusal(f"the body has {lengths[0]} bytes; devices accept at most {limits.body_bytes}")
    return int(lengths[0])
