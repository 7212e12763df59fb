"""The deadlines by which each client must have done its next step."""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Generic, Protocol, TypeVar


class Phase(IntEnum):
    """What a connection waits for. All phases but ``ANSWERING`` wait for the client, and have a time limit."""

    HANDSHAKE = 0  # the end of its TLS handshake
    HEADER = 1  # the end of its request's header
    BODY = 2  # the end of its request's body
    ANSWERING = 3  # our own answer
    SENDING = 4  # that the client reads what was sent
    IDLE = 5  # another request, or nothing
    LINGERING = 6  # that the client closes, after we have


class Waiting(Protocol):
    """An object with a deadline."""

    phase: Phase


Client = TypeVar("Client", bound=Waiting)


class Deadlines(Generic[Client]):
    """When each client has to be finished.

    A deadline is for a whole phase, not for one wait in it. A client that sends one byte a second gets no more time
    than one that sends none. All deadlines of a phase have the same length, so the client that came first is due first.
    Each step here therefore takes the same time, however many connections there are.

    Args:
        seconds: How long each phase may last. A phase that is not in it has no limit.
    """

    def __init__(self, seconds: Mapping[Phase, float]) -> None:
        self._seconds = [seconds.get(phase, float("inf")) for phase in Phase]
        self._due: list[dict[Client, float]] = [{} for _ in Phase]  # by phase

    def enter(self, client: Client, phase: Phase, now: float) -> None:
        """Begin a phase, and end the previous one."""
        self._due[client.phase].pop(client, None)
        client.phase = phase
        self._due[phase][client] = now + self._seconds[phase]

    def leave(self, client: Client) -> None:
        """Remove a connection that has ended."""
        self._due[client.phase].pop(client, None)

    def overdue(self, now: float) -> list[Client]:
        """Return the clients whose time is up."""
        found: list[Client] = []
        for due in self._due:
            for client, at in due.items():
                if at > now:
                    break
                found.append(client)
        return found

    def in_phase(self, phase: Phase) -> Iterator[Client]:
        """Return the clients in a phase, the one that has waited longest first."""
        return iter(self._due[phase])

    def count(self, phase: Phase) -> int:
        """Return how many clients are in a phase."""
        return len(self._due[phase])

    def longest_waiting(self) -> Client | None:
        """Return the client that has kept us waiting longest in its present phase, or None."""
        heads = [
            (at - self._seconds[phase], client)
            for phase, due in zip(Phase, self._due, strict=True)
            if phase is not Phase.ANSWERING
            for client, at in _first(due)
        ]
        return min(heads, key=lambda head: head[0])[1] if heads else None


def _first(due: dict[Client, float]) -> Iterator[tuple[Client, float]]:
    for item in due.items():
        yield item
        return
