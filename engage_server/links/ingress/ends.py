"""Where the ingress listens: one instance for each address and port."""

from collections.abc import Sequence
from dataclasses import dataclass

from engage_server.links.registry.links_file import LinksFile
from engage_server.links.registry.listeners import HostTable, PlainTable


@dataclass(frozen=True, slots=True)
class End:
    """One address and port, with TLS hosts or with one plain listener.

    Attributes:
        bind, port: Where it listens.
        hosts: The TLS hosts in the order of the file; the first also serves clients that give no known name. Empty for
            a plain listener.
        plain: The plain listener; None if there are hosts.
    """

    bind: str
    port: int
    hosts: tuple[HostTable, ...] = ()
    plain: PlainTable | None = None

    @property
    def name(self) -> str:
        """Such as ``links 10.0.0.5 443``. No other end of this host has the same name."""
        return f"links {self.bind} {self.port}"

    @property
    def tables(self) -> Sequence[HostTable | PlainTable]:
        """All that listens there."""
        return self.hosts if self.plain is None else (self.plain,)


def ends_of(file: LinksFile) -> tuple[End, ...]:
    """Return all ends, in the order of the file."""
    by_place: dict[tuple[str, int], list[HostTable]] = {}
    for host in file.hosts.values():
        by_place.setdefault((host.bind, host.port), []).append(host)
    secure = [End(bind, port, tuple(hosts)) for (bind, port), hosts in by_place.items()]
    return (*secure, *(End(plain.bind, plain.port, plain=plain) for plain in file.plain.values()))
