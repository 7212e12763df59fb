"""Where a virtual lock calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from engage_server.errors import UsageError
from engage_server.lock.transport.download import HTTP_PORT
from engage_server.lock.transport.tls import HTTPS_PORT
from engage_server.protocol.serial_number import encode_serial


@dataclass(frozen=True, slots=True)
class Target:
    """Where the host is.

    Attributes:
        host: A name or an address, without brackets.
        http_port, https_port: Devices know no other than 80 and 443; a trial may.
        public_http_port: The port of ``cert_url``, which a NAT in front leads to ``http_port``, and which is not there
            for who calls from behind it; None where there is no NAT.
    """

    host: str
    http_port: int = HTTP_PORT
    https_port: int = HTTPS_PORT
    public_http_port: int | None = None

    @property
    def ports_behind_nat(self) -> Mapping[int, int]:
        """Which port is called in place of the one in ``cert_url``."""
        return {} if self.public_http_port is None else {self.public_http_port: self.http_port}

    @classmethod
    def from_url(cls, text: str, https_port: int = HTTPS_PORT) -> "Target":
        """Read ``http://HOST[:PORT]``, or ``HOST[:PORT]``.

        Raises:
            UsageError: It is no such address.
        """
        try:
            url = urlsplit(text if "://" in text else f"http://{text}")
            host, port = url.hostname, url.port or HTTP_PORT
        except ValueError:
            host, port, url = None, 0, urlsplit("")
        if not host or not host.isascii() or url.scheme != "http" or url.path.strip("/") or url.query:
            raise UsageError(
                f"{text[:80]!r} is not the address of a host",
                "Give the plain HTTP instance, without a path: http://locks.example.org or http://127.0.0.1:8080.",
            )
        return cls(host, port, https_port)


def read_serial(text: str) -> str:
    """A serial number as the command line has it.

    Raises:
        UsageError: It has not 32 hexadecimal digits.
    """
    try:
        encode_serial(text)
    except ValueError:
        raise UsageError(f"{text[:80]!r} is no serial number", "Give 16 bytes as 32 hexadecimal digits.") from None
    return text
