"""Which addresses an operator's answers may lead to: its own origin (RFC 6454), and no other."""

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an API stands.

    Attributes:
        base: Scheme, host and port, such as ``https://api.example.net``.
        prefix: What precedes each path of the contract: "" or ``/v1``.
    """

    base: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Split an address that was checked before."""
        parts = urlsplit(url)
        return cls(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"))

    def target(self, location: str, current: str) -> str | None:
        """Return path and query of an address that an answer gave. None if it may not be called.

        Args:
            location: Absolute, or relative to the current target.
            current: Path and query of the request that was answered.
        """
        if not location or len(location) > _MAX or not location.isascii() or not location.isprintable():
            return None
        try:
            parts = urlsplit(urljoin(self.base + current, location))
            ours = urlsplit(self.base)
            same = (parts.scheme, parts.hostname, _port(parts.scheme, parts.port)) == (
                ours.scheme,
                ours.hostname,
                _port(ours.scheme, ours.port),
            )
        except ValueError:
            return None
        if not same or "@" in parts.netloc or " " in location or "\\" in location:
            return None
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _port(scheme: str, port: int | None) -> int | None:
    return port or _PORTS.get(scheme)
