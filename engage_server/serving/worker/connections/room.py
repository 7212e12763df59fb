"""Limits connections, handshakes and memory. Over a limit it chooses a connection to close, never the new one."""

from collections.abc import Callable
from itertools import islice, zip_longest

from engage_server.serving.worker.connections.admission import Admission, network_of
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.deadlines import Deadlines, Phase
from engage_server.serving.worker.connections.memory_budget import MemoryBudget
from engage_server.settings import Settings

_LINGERING_SECONDS = 2.0
_SENDING_SECONDS = 30.0
_HANDSHAKE, _HEADER = Phase.HANDSHAKE, Phase.HEADER  # looking them up in their class each time takes ten times as long
_HANDSHAKE_BYTES, _CONNECTION_BYTES = 40 * 1024, 10 * 1024

LIMIT, HANDSHAKES, MEMORY = "limit", "handshakes", "memory"  # why a connection was closed, in the metrics


class Room:
    """The limits of one worker.

    Args:
        settings: The settings.
        limit: How many connections this process may have; see :func:`engage_server.serving.assembly.connection_limit`.
        budget: How much memory all of them may take.

    Attributes:
        limit, budget: The same.
        deadlines: When each has to be finished.
    """

    def __init__(self, settings: Settings, limit: int, budget: MemoryBudget[Connection]) -> None:
        self.limit = limit
        self.budget = budget
        self.deadlines: Deadlines[Connection] = Deadlines(deadline_seconds(settings))
        self._connections: Admission[Connection] = Admission(limit, settings.max_connections_per_address)
        self._handshakes: Admission[Connection] = Admission(
            min(limit, settings.max_handshakes), settings.max_handshakes_per_address
        )

    def enter(self, connection: Connection, now: float) -> list[tuple[Connection, str]]:
        """Count an accepted connection.

        Returns:
            The connections to close for it, and why: at most two.
        """
        self.deadlines.enter(connection, connection.phase, now)
        found = []
        if self._connections.add(connection):
            found.append((self._over(self._connections, connection, self.deadlines.longest_waiting), LIMIT))
        if connection.phase is _HANDSHAKE and self._handshakes.add(connection):
            found.append((self._over(self._handshakes, connection, self._longest_handshake), HANDSHAKES))
        return [(each, why) for each, why in found if each is not None]

    def handshake_ended(self, connection: Connection, now: float) -> None:
        """Count a finished handshake whose connection stays."""
        self._handshakes.remove(connection)
        self.deadlines.enter(connection, _HEADER, now)

    def leave(self, connection: Connection, now: float) -> None:
        """Remove a connection that has ended."""
        self.deadlines.leave(connection)
        self._connections.remove(connection)
        if connection.phase is _HANDSHAKE:
            self._handshakes.remove(connection)
        if connection.held_bytes:
            self.budget.settle(connection, 0, now)

    def kept_bytes(self) -> int:
        """Return the rough memory of all connections: the budget's bytes, and the state of each connection."""
        handshakes = self.deadlines.count(Phase.HANDSHAKE)
        return self.budget.held_bytes + handshakes * _HANDSHAKE_BYTES + len(self._connections) * _CONNECTION_BYTES

    @staticmethod
    def _over(
        admission: Admission[Connection], connection: Connection, longest: Callable[[], Connection | None]
    ) -> Connection | None:
        one_too_many = admission.one_too_many_like(connection)
        return longest() if one_too_many is None and admission.is_full() else one_too_many

    def _longest_handshake(self) -> Connection | None:
        return next(self.deadlines.in_phase(Phase.HANDSHAKE), None)


def in_turns(connections: list[Connection], count: int) -> list[Connection]:
    """Choose some of those that wait to be served: one of each address, then another one of each."""
    if len(connections) <= count:
        return connections
    by_network: dict[str, list[Connection]] = {}
    for connection in connections:
        by_network.setdefault(network_of(connection.address), []).append(connection)
    rounds = zip_longest(*by_network.values())
    return list(islice((each for around in rounds for each in around if each is not None), count))


def deadline_seconds(settings: Settings) -> dict[Phase, float]:
    """Return how long each phase may last."""
    return {
        Phase.HANDSHAKE: settings.handshake_seconds,
        Phase.HEADER: settings.header_seconds,
        Phase.BODY: settings.body_seconds,
        Phase.IDLE: settings.keepalive_seconds,
        Phase.SENDING: _SENDING_SECONDS,
        Phase.LINGERING: _LINGERING_SECONDS,
    }
