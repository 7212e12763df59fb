"""The address of a webhook, taken apart once: what was judged is what is called."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from engage_server.errors import HostInvalid, UsageError
from engage_server.records import Host
from engage_server.records.address import read_address
from engage_server.services.alerts.channels.web.allowed_addresses import why_forbidden

_MOST_CHARACTERS = 2048
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook is sent.

    Attributes:
        is_secure: Whether by TLS.
        host: Its host.
        port: Its port.
        path: Path and query. It may be secret, so it has no place in an error.
    """

    is_secure: bool
    host: Host
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address.

        Raises:
            UsageError: It is none, or holds a user name, a password or a fragment. It is not repeated.
        """
        is_plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= _MOST_CHARACTERS
        try:
            parts = urlsplit(text if is_plain else "")
            host, port = Host.parse(parts.hostname or ""), parts.port
        except (ValueError, HostInvalid):
            raise _not_an_address() from None
        if parts.scheme not in _PORTS or parts.fragment or port == 0:
            raise _not_an_address()
        if "@" in parts.netloc:
            raise UsageError(
                "the address of the webhook holds a user name or a password",
                "Leave it out. The receiver knows us by the signature.",
                code="alert.address",
            )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme == "https", host, port or _PORTS[parts.scheme], path)

    @property
    def shown(self) -> str:
        """The host, and the port unless it is the usual one."""
        usual = _PORTS["https" if self.is_secure else "http"]
        return self.host.in_url if self.port == usual else f"{self.host.in_url}:{self.port}"

    def assert_allowed(self, *, may_be_inside: bool) -> None:
        """Refuse an address that will never be called. A name is judged when it is called.

        Raises:
            UsageError: It must not be called. The code is ``alert.address_inside`` where the operator can allow it.
        """
        address = read_address(self.host.text)
        why = "" if address is None else why_forbidden(address, may_be_inside=may_be_inside)
        if address is None or not why:
            return
        if not why_forbidden(address, may_be_inside=True):
            raise UsageError(
                f"the webhook {self.shown} is inside: in a private network, or on this machine",
                "If that is meant, add --inside.",
                code="alert.address_inside",
            )
        raise UsageError(f"the webhook cannot be used: {why}", "Give another address.", code="alert.address")


def _not_an_address() -> UsageError:
    return UsageError(
        "the address of the webhook cannot be used",
        "Give it as https://HOST[:PORT]/PATH, on one line. Write an IP address in its usual form.",
        code="alert.address",
    )
