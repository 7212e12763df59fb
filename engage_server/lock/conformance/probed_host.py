"""A host under trial: asked in every way in which a device may ask."""

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
from engage_server.pki.encodings import read_certificates
from engage_server.protocol import paths
from engage_server.protocol.virtual_lock_mark import HEADER
from engage_server.records import Secret

_ENOUGH = 1 << 20  # bytes; whatever comes after is not looked at


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came, however wrong.

    Attributes:
        status_line: The first line.
        headers: Names and values as spelled.
        body: All that came after them until the connection ended or fell silent, chunks and all.
        head_bytes: The size of the header block.
    """

    status_line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    head_bytes: int

    @property
    def status(self) -> int:
        """The status code; 0 when it cannot be read."""
        digits = self.status_line.partition(" ")[2][:3]
        return int(digits) if digits.isascii() and digits.isdigit() else 0

    def header(self, name: str) -> str:
        """The value of a header whatever its case, or ""."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


class ProbedHost:
    """One host, and what has been learned of it so far.

    Args:
        target: Where it is.
        key: The site key of its devices.
        limits: The devices'.
    """

    def __init__(self, target: Target, key: Secret, limits: DeviceLimits) -> None:
        self.target, self.key, self.limits = target, key, limits

    @property
    def authority(self) -> str:
        """The Host header that devices send."""
        host = f"[{self.target.host}]" if ":" in self.target.host else self.target.host
        return host if self.target.http_port == HTTP_PORT else f"{host}:{self.target.http_port}"

    def request(self, target: str = paths.NOTICE, *, version: str = "1.1", more: str = "") -> bytes:
        """A request that asks for the connection's end, so that the whole answer can be read.

        Args:
            target: Path and query.
            version: Of HTTP.
            more: Further header lines, each with its line end.
        """
        head = f"GET {target} HTTP/{version}\r\nHost: {self.authority}\r\nAccept: */*\r\nConnection: close\r\n"
        return f"{head}{HEADER}: 1\r\n{more}\r\n".encode("ascii")

    def ask(self, request: bytes, *, pause: float = 0, where: tuple[str, int] | None = None) -> RawAnswer:
        """Send these bytes on a connection of their own and read until it ends.

        Args:
            request: What to send.
            pause: Seconds between one byte and the next; 0 sends all at once.
            where: Host and port; None for the plain instance.

        Raises:
            NotPossible: No connection, or silence.
            DeviceRefusal: What came is no HTTP.
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
                f"{host}:{port}: {error.strerror or 'no answer'}", "Is the plain HTTP instance up?"
            ) from None

    @cached_property
    def notice_answer(self) -> RawAnswer:
        """The answer to the request for the notice."""
        return self.ask(self.request())

    @cached_property
    def notice(self) -> dict[str, str]:
        """The notice, whatever its Content-Type says.

        Raises:
            DeviceRefusal: It is no JSON with two texts.
        """
        try:
            value = json.loads(self.notice_answer.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in ("cert_url", "hash")):
            raise DeviceRefusal("the notice is not JSON with the texts cert_url and hash")
        return value

    def ask_for_der(self, more: str = "") -> RawAnswer:
        """Download what the notice names; only ever from the host under trial.

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
                f"cert_url leads to {host}:{port}, not to {self.authority}: it is not called",
                "Try it by the address that cert_url names.",
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
        """The certificate that is distributed, be it DER or not, its hash right or not.

        Raises:
            DeviceRefusal: There is none.
        """
        try:
            return read_certificates(self.der_answer.body, source="the download")[0]
        except CertificateInvalid:
            raise DeviceRefusal("the download is no certificate, so there is nothing to trust") from None

    @cached_property
    def presented(self) -> PresentedChain:
        """What the TLS instance sends, unjudged."""
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
        raise DeviceRefusal("the answer is no HTTP" if received else "the host closed the connection with no answer")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name, value.strip()) for name, _, value in pairs)
    return RawAnswer(status_line, headers, body, len(head) + len(end))
