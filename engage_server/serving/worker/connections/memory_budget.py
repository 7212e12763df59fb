"""One budget for all that clients make a worker keep: from a request's first octet to the last one of its answer.

Nobody is refused for it. Over the limit somebody gives way: of the address that holds more than its share, or else of
all, the one who has held most for longest. A share therefore never limits a site behind one NAT address while there is
room; it only says who is asked first.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from engage_server.serving.worker.connections.admission import network_of

_SHARES = 8  # an address that holds more than one of so many gives way first


class Holder(Protocol):
    """An open connection.

    Attributes:
        address: The client's.
        held_bytes, held_since: Kept by the budget.
        can_give_way: Whether ending it frees what it holds: not while a thread works with it.
    """

    address: str
    held_bytes: int
    held_since: float

    @property
    def can_give_way(self) -> bool:
        """See above."""


Each = TypeVar("Each", bound=Holder)


class _Holders(Generic[Each]):
    """Holders by the number of bits of what they hold, the earliest first: who comes next is found in a few steps."""

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
        """By bytes and seconds: a large one that has just come may be gone the sooner."""
        heads = [next(_able(clients), None) for clients in self.by_size.values()]
        found = [client for client in heads if client is not None]
        return max(found, key=lambda each: each.held_bytes * (now - each.held_since + 1.0), default=None)


class MemoryBudget(Generic[Each]):
    """What the clients of one worker make it keep.

    Args:
        limit_bytes: In all. Exceeded by what arrives in one turn of the loop, before somebody gives way.

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
        """By all together."""
        return self._all.held

    def settle(self, client: Each, count: int, now: float) -> None:
        """From now on the client makes us keep so many bytes: in place of what was said before, not on top."""
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
        """Whether somebody has to give way."""
        return self._all.held > self.limit_bytes

    def who_gives_way(self, now: float) -> Each | None:
        """Whoever is asked first; None when nobody can be: then threads work with all of it."""
        network = self._largest_network()
        if network is not None:
            found = self._by_network[network].who_gives_way(now)
            if found is not None:
                return found
        return self._all.who_gives_way(now)

    def _largest_network(self) -> str | None:
        """One that holds more than its share, the largest up to a factor of two; None when there is none."""
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
