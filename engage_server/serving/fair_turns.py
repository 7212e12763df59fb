"""Whose turn it is: the loop's time is shared by address, so who asks for much waits, and who asks for little does not.

A TLS handshake costs a millisecond, with P-384 four, and the client that asks for it pays nothing. One address that
sends hellos as fast as the network carries them would fill every turn of the loop, and a device would wait behind all
of them. Here the connections of such an address wait in a line of its own, outside of epoll, and get a few
milliseconds of each turn.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from engage_server.serving.admission import network_of

_WINDOW_SECONDS = 1.0  # what was used counts for one to two of these
_HEAVY_SECONDS = 0.05  # used in a window: thirty handshakes
_HEAVY_ONES_SECONDS = 0.005  # of each turn
_ACCEPTS_UNDER_LOAD = 128


class Caller(Protocol):
    """An open connection."""

    address: str


Each = TypeVar("Each", bound=Caller)


class FairTurns(Generic[Each]):
    """Counts what each address uses, and keeps what heavy ones have to wait for.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._recent: dict[str, float] = defaultdict(float)
        self._before: dict[str, float] = {}
        self._window_ends = clock() + _WINDOW_SECONDS
        self._lines: dict[str, deque[tuple[Each, int]]] = {}

    def __bool__(self) -> bool:
        """Whether somebody waits: then the loop must not."""
        return bool(self._lines)

    def is_light(self, address: str) -> bool:
        """Whether this address has used little of late, and has nothing waiting: it is served at once."""
        network = network_of(address)
        return network not in self._lines and self._used(network) < _HEAVY_SECONDS

    def count(self, address: str, since: float) -> None:
        """An address has used the time since then."""
        self._recent[network_of(address)] += self._clock() - since

    def defer(self, connection: Each, events: int) -> None:
        """It has to wait, with what happened to it."""
        self._lines.setdefault(network_of(connection.address), deque()).append((connection, events))

    def deferred(self) -> Iterator[tuple[Each, int]]:
        """Those whose turn it is: one of each address, lightest first, and again, for some milliseconds; at least one.

        The time until the next one is asked for counts.
        """
        begun = last = self._clock()
        while self._lines:
            for network in sorted(self._lines, key=self._used):
                yield self._taken_from(network)
                now = self._clock()
                self._recent[network] += now - last
                last = now
                if now - begun > _HEAVY_ONES_SECONDS:
                    return

    def accepts(self) -> int:
        """How many connections may be accepted in this turn.

        One, so that other workers have their share. More while heavy ones wait, or who connects waits for as many turns
        as there are connections before it.
        """
        return _ACCEPTS_UNDER_LOAD if self._lines else 1

    def begin(self, now: float) -> None:
        """A turn begins. What is older than two windows is forgotten: only addresses of these two are kept."""
        if now >= self._window_ends:
            is_old = now >= self._window_ends + _WINDOW_SECONDS
            self._before, self._recent = {} if is_old else self._recent, defaultdict(float)
            self._window_ends = now + _WINDOW_SECONDS

    def _taken_from(self, network: str) -> tuple[Each, int]:
        line = self._lines[network]
        first = line.popleft()
        if not line:
            del self._lines[network]
        return first

    def _used(self, network: str) -> float:
        return self._recent.get(network, 0.0) + self._before.get(network, 0.0)
