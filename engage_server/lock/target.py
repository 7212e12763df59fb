"""The host that a virtual lock calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from engage_server.errors import UsageError
from engage_server.lock.transport.download import HTTP_PORT
from engage_server.lock.transport.tls import HTTPS_PORT
from engage_server.protocol.serial_number import encode_serial
from engage_server.shown_text import without_user


@dataclass(frozen=True, slots=True)
class Target:
    """The address of a host.

    Attributes:
        host: A name or an address, without brackets.
        http_port: The port for plain HTTP. Devices always use 80; a test can use another.
        https_port: The port for TLS. Devices always use 443; a test can use another.
        public_http_port: The port in ``cert_url``, if a NAT in front maps it to ``http_port``. A caller behind the NAT
            cannot use it. None if there is no NAT.
    """

    host: str
    http_port: int = HTTP_PORT
    https_port: int = HTTPS_PORT
    public_http_port: int | None = None

    @property
    def ports_behind_nat(self) -> Mapping[int, int]:
        """The port to call for each port in ``cert_url`` that only works from outside a NAT."""
        return {} if self.public_http_port is None else {self.public_http_port: self.http_port}

    @classmethod
    def from_url(cls, text: str, https_port: int = HTTPS_PORT) -> "Target":
        """Read ``http://HOST[:PORT]``, or ``HOST[:PORT]``.

        Raises:
            UsageError: It is not such an address.
        """
        try:
            url = urlsplit(text if "://" in text else f"http://{text}")
            host, port = url.hostname, url.port or HTTP_PORT
        except ValueError:
            host, port, url = None, 0, urlsplit("")
        if not host or not host.isascii() or url.scheme != "http" or _says_more(url):
            raise UsageError(
                f"{without_user(text)[:80]!r} is not the address of a host",
                "Give the plain HTTP instance, without a path: http://locks.example.org or http://127.0.0.1:8080.",
            )
        return cls(host, port, https_port)


def _says_more(url: SplitResult) -> bool:
    return bool(url.path.strip("/") or url.query or url.fragment or "@" in url.netloc)


def read_serial(text: str) -> str:
    """Read a serial number from the command line.

    Raises:
        UsageError: It does not have 32 hexadecimal digits.
    """
    try:
        encode_serial(text)
    except ValueError:
        raise UsageError(f"{text[:80]!r} is not a serial number", "Give 16 bytes as 32 hexadecimal digits.") from None
    return text
