"""A host under test, with requests in all the ways that devices may use."""

import json
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from cryptography import x509

from engage_server.errors import CertificateInvalid, NotPossible
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.target import Target
from engage_server.lock.transport.download import HTTP_PORT
from engage_server.lock.transport.tls import PresentedChain, presented_chain
from engage_server.lock.transport.unreachable import what_to_do_about
from engage_server.pki.encodings import read_certificates
from engage_server.protocol import paths
from engage_server.protocol.virtual_lock_mark import HEADER
from engage_server.records import Secret

_ENOUGH = 1 << 20  # bytes; anything after them is ignored


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer exactly as received, even if it is wrong.

    Attributes:
        status_line: The first line.
        headers: Names and values as sent.
        body: Everything after the headers until the connection ended, including any chunk headers.
        head_bytes: The size of the header block in bytes.
    """

    status_line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    head_bytes: int

    @property
    def status(self) -> int:
        """The status code; 0 if it cannot be read."""
        digits = self.status_line.partition(" ")[2][:3]
        return int(digits) if digits.isascii() and digits.isdigit() else 0

    def header(self, name: str) -> str:
        """The value of a header, ignoring the case of its name; "" if it is missing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


class ProbedHost:
    """One host under test. Its answers are cached.

    Args:
        target: The address of the host.
        key: The site key of its devices.
        limits: The limits of its devices.
    """

    def __init__(self, target: Target, key: Secret, limits: DeviceLimits) -> None:
        self.target, self.key, self.limits = target, key, limits

    @property
    def authority(self) -> str:
        """The Host header that devices send."""
        host = f"[{self.target.host}]" if ":" in self.target.host else self.target.host
        return host if self.target.http_port == HTTP_PORT else f"{host}:{self.target.http_port}"

    def request(self, target: str = paths.NOTICE, *, version: str = "1.1", more: str = "") -> bytes:
        """Write a request that closes the connection afterwards, so that the whole answer can be read.

        Args:
            target: Path and query.
            version: The HTTP version.
            more: More header lines, each with its line end.
        """
        head = f"GET {target} HTTP/{version}\r\nHost: {self.authority}\r\nAccept: */*\r\nConnection: close\r\n"
        return f"{head}{HEADER}: 1\r\n{more}\r\n".encode("ascii")

    def ask(self, request: bytes, *, pause: float = 0, where: tuple[str, int] | None = None) -> RawAnswer:
        """Send a request on a new connection, and read until the connection ends.

        Args:
            request: The bytes to send.
            pause: Seconds between two bytes; 0 sends everything at once.
            where: Host and port; None for the plain HTTP instance.

        Raises:
            NotPossible: There is no connection or no answer.
            DeviceRefusal: The answer is not HTTP.
        """
        host, port = where or (self.target.host, self.target.http_port)
        try:
            with closing(socket.create_connection((host, port), timeout=self.limits.seconds)) as connection:
                for piece in [request] if not pause else [request[n : n + 1] for n in range(len(request))]:
                    connection.sendall(piece)
                    time.sleep(pause)
                return _parsed(_all_of(connection))
        except OSError as error:
            raise NotPossible(
                f"{host}:{port}: {error.strerror or 'no answer'}",
                what_to_do_about(error, "Check that the plain HTTP instance is up."),
            ) from None

    def assert_reachable(self) -> None:
        """Check that something listens on the plain HTTP port. Otherwise every row would fail with the same sentence.

        Raises:
            NotPossible: Nothing can be reached there.
        """
        host, port = self.target.host, self.target.http_port
        try:
            socket.create_connection((host, port), timeout=self.limits.seconds).close()
        except OSError as error:
            raise NotPossible(
                f"{host}:{port}: {error.strerror or 'no answer'}",
                what_to_do_about(error, "Check that the host is up and that this is its HTTP port."),
            ) from None

    @cached_property
    def notice_answer(self) -> RawAnswer:
        """The answer to the request for the notice."""
        return self.ask(self.request())

    @cached_property
    def notice(self) -> dict[str, str]:
        """The notice, with any Content-Type.

        Raises:
            DeviceRefusal: It is not JSON with the two strings.
        """
        try:
            value = json.loads(self.notice_answer.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in ("cert_url", "hash")):
            raise DeviceRefusal("the notice is not JSON with the strings cert_url and hash")
        return value

    def ask_for_der(self, more: str = "") -> RawAnswer:
        """Download the DER at the address in the notice, but only from the host under test.

        Raises:
            DeviceRefusal: There is no URL, or it leads to another host.
        """
        try:
            url = urlsplit(self.notice["cert_url"])
            host, port = url.hostname or "", url.port or HTTP_PORT
        except ValueError:
            raise DeviceRefusal("cert_url cannot be read") from None
        if (host, port) != (self.target.host, self.target.http_port):
            raise DeviceRefusal(
                f"cert_url leads to {host}:{port} instead of {self.authority}, so it is not called",
                "Run the test with the address in cert_url.",
            )
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        if not target.isascii() or any(character.isspace() for character in target):
            raise DeviceRefusal("cert_url cannot be read")
        return self.ask(self.request(target, more=more))

    @cached_property
    def der_answer(self) -> RawAnswer:
        """The answer to the download."""
        return self.ask_for_der()

    @cached_property
    def anchor(self) -> x509.Certificate:
        """The certificate that is distributed, even if it is not DER or its hash is wrong.

        Raises:
            DeviceRefusal: There is no certificate.
        """
        try:
            return read_certificates(self.der_answer.body, source="the download")[0]
        except CertificateInvalid:
            raise DeviceRefusal("the download is not a certificate, so there is nothing to trust") from None

    @cached_property
    def presented(self) -> PresentedChain:
        """The chain that the TLS instance sends, without judging it."""
        return presented_chain(self.target.host, self.target.https_port, self.limits)


def _all_of(connection: socket.socket) -> bytes:
    received = b""
    while len(received) < _ENOUGH:
        piece = connection.recv(1 << 16)
        if not piece:
            break
        received += piece
    return received


def _parsed(received: bytes) -> RawAnswer:
    head, end, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    if not end or not status_line.startswith("HTTP/"):
        raise DeviceRefusal("the answer is not HTTP" if received else "the host closed the connection with no answer")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name, value.strip()) for name, _, value in pairs)
    return RawAnswer(status_line, headers, body, len(head) + len(end))
