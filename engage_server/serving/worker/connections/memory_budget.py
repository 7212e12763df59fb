"""One memory budget for all clients of a worker: from a request's first byte to the last byte of its answer.

No new client is refused for it. Over the limit, one client's connection is closed: the one that has held most for
longest. It is chosen among the clients of the address that holds more than its share, or else among all. So a share
never limits a site behind one NAT address while there is room. It only decides which connection is closed first.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from engage_server.serving.worker.connections.admission import network_of

_SHARES = 8  # a client of an address that holds more than this fraction is closed first


class Holder(Protocol):
    """An open connection.

    Attributes:
        address: The client's address.
        held_bytes, held_since: Set by the budget.
        can_give_way: Whether ending it frees the memory that it takes. Not while a thread works with it.
    """

    address: str
    held_bytes: int
    held_since: float

    @property
    def can_give_way(self) -> bool:
        """As above."""


Each = TypeVar("Each", bound=Holder)


class _Holders(Generic[Each]):
    """Holders by the number of bits of what they hold, the earliest first, so that the next one is found quickly."""

    def __init__(self) -> None:
        self.held = 0
        self.by_size: dict[int, dict[Each, None]] = {}

    def move(self, client: Each, before: int, after: int) -> None:
        self.held += after - before
        old, new = before.bit_length(), after.bit_length()
        if old == new:
            return
        if before:
            of_size = self.by_size[old]
            del of_size[client]
            if not of_size:
                del self.by_size[old]
        if after:
            self.by_size.setdefault(new, {})[client] = None

    def who_gives_way(self, now: float) -> Each | None:
        """Choose by bytes and seconds: a large request that has just arrived may be gone sooner."""
        heads = [next(_able(clients), None) for clients in self.by_size.values()]
        found = [client for client in heads if client is not None]
        return max(found, key=lambda each: each.held_bytes * (now - each.held_since + 1.0), default=None)


class MemoryBudget(Generic[Each]):
    """The memory that the clients of one worker take.

    Args:
        limit_bytes: In all. What arrives in one turn of the loop may exceed it before a connection is closed.

    Attributes:
        limit_bytes: The same.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._all: _Holders[Each] = _Holders()
        self._by_network: dict[str, _Holders[Each]] = {}
        self._networks_by_size: dict[int, dict[str, None]] = {}

    @property
    def held_bytes(self) -> int:
        """The bytes of all clients together."""
        return self._all.held

    def settle(self, client: Each, count: int, now: float) -> None:
        """Set how many bytes the client takes from now on. This replaces the number set before."""
        before = client.held_bytes
        if before == count:
            return
        if not before:
            client.held_since = now
        client.held_bytes = count
        self._all.move(client, before, count)
        network = network_of(client.address)
        holders = self._by_network.setdefault(network, _Holders())
        size = holders.held.bit_length()
        holders.move(client, before, count)
        if size != holders.held.bit_length():
            self._move_network(network, size, holders.held.bit_length())

    def is_over(self) -> bool:
        """Whether a connection must be closed."""
        return self._all.held > self.limit_bytes

    def who_gives_way(self, now: float) -> Each | None:
        """Return the client to close first. None if none can be closed: threads work with all of them."""
        network = self._largest_network()
        if network is not None:
            found = self._by_network[network].who_gives_way(now)
            if found is not None:
                return found
        return self._all.who_gives_way(now)

    def _largest_network(self) -> str | None:
        """Return the address that holds most, if that is over its share, accurate to a factor of two; else None."""
        size = max(self._networks_by_size, default=0)
        for network in self._networks_by_size.get(size, ()):
            if self._by_network[network].held > self.limit_bytes // _SHARES:
                return network
        return None

    def _move_network(self, network: str, old: int, new: int) -> None:
        if old:
            of_size = self._networks_by_size[old]
            del of_size[network]
            if not of_size:
                del self._networks_by_size[old]
        if new:
            self._networks_by_size.setdefault(new, {})[network] = None
        else:
            del self._by_network[network]


def _able(clients: Iterable[Each]) -> Iterator[Each]:
    return (client for client in clients if client.can_give_way)
