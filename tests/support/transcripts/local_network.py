"""The network of a page, on this machine: its names, its addresses, and the ports that devices know."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

# a network of the same width, all of which is this machine's: each door has an address, and tables are as wide
SHOWN, REAL = "10.44.68.", "127.4.68."
ADDRESS = f"{REAL}128"
_DOMAIN = ".example.org"
_CONNECTION_REFUSED = ConnectionRefusedError(111, "Connection refused")
_resolve, _connect = socket.getaddrinfo, socket.create_connection


class LocalNetwork:
    """Names of example.org lead to this machine, for clients in this process.

    Attributes:
        ports: Those of the pair, by the port that is called. Who calls another one is refused.
    """

    def __init__(self) -> None:
        self.ports: dict[int, int] = {}
        self._source = ADDRESS

    @contextmanager
    def calling_from(self, device: int) -> Iterator[None]:
        """Clients have the address of a door meanwhile."""
        before, self._source = self._source, f"{REAL}{20 + device}"
        try:
            yield
        finally:
            self._source = before

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Whoever asks for a name or a connection meanwhile gets this network's."""
        with ExitStack() as undone:
            undone.enter_context(patch.object(socket, "getaddrinfo", _resolved))
            undone.enter_context(patch.object(socket, "create_connection", self._connected))
            yield

    def _connected(self, address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
        host, port = address
        if host.endswith(_DOMAIN) or host.startswith("127."):
            if port not in self.ports:
                raise _CONNECTION_REFUSED
            options["source_address"] = (self._source, 0)
            return _connect(("127.0.0.1", self.ports[port]), *arguments[:1], **options)
        return _connect(address, *arguments, **options)


def _resolved(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
    is_ours = isinstance(host, str) and host.endswith(_DOMAIN)
    return _resolve(ADDRESS if is_ours else host, port, *arguments, **options)
