"""Decides which connections may stay: limits in all and per address, so that no client can use up the process."""

import ipaddress
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from engage_server.serving.worker.connections.deadlines import Phase


class Client(Protocol):
    """An open connection."""

    address: str
    phase: Phase


Each = TypeVar("Each", bound=Client)


class Admission(Generic[Each]):
    """Counts open connections, in all and by address.

    Over a limit the oldest connection is closed, not the new one. So a client that holds many unused connections pushes
    out its own. A device that has just called is served, even behind the same NAT address.

    Args:
        limit: How many connections this process keeps open.
        limit_per_address: How many of them one address may have.
    """

    def __init__(self, limit: int, limit_per_address: int) -> None:
        self._limit = limit
        self._limit_per_address = limit_per_address
        self._by_network: dict[str, dict[Each, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, client: Each) -> bool:
        """Count an accepted connection. Return whether a limit is exceeded now."""
        network = network_of(client.address)
        of_network = self._by_network.get(network)
        if of_network is None:
            of_network = self._by_network[network] = {}
        of_network[client] = None
        self._count += 1
        return self._count > self._limit or len(of_network) > self._limit_per_address

    def remove(self, client: Each) -> None:
        """Remove a connection that has ended."""
        network = network_of(client.address)
        of_network = self._by_network.get(network)
        if of_network is not None and of_network.pop(client, client) is None:
            self._count -= 1
            if not of_network:
                del self._by_network[network]

    def is_full(self) -> bool:
        """Whether there are more connections than are allowed in all."""
        return self._count > self._limit

    def one_too_many_like(self, client: Each) -> Each | None:
        """Return the oldest waiting connection of the client's address, if that address has more than are allowed."""
        of_network = self._by_network[network_of(client.address)]
        if len(of_network) <= self._limit_per_address:
            return None
        return next(_waiting(of_network), None)


def _waiting(clients: dict[Each, None]) -> Iterator[Each]:
    return (client for client in clients if client.phase is not Phase.ANSWERING)


def network_of(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or an IPv6 /64, which is what one subscriber gets."""
    if ":" not in address or address.startswith("::ffff:"):
        return address
    return ipaddress.IPv6Address(address.partition("%")[0]).exploded[:19]
