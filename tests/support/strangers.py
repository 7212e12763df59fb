"""Strangers on the network of a pair on 127.0.0.1: where they call from, how long, how much they hold."""

import random
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

REFUSALS = (OSError, ssl.SSLError)


class Clock:
    """When an attack has to end."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def runs(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self._end

    def rest(self) -> None:
        """Sleep until the end."""
        time.sleep(max(0.0, self._end - time.monotonic()))


Tally = Counter[str]


@dataclass(frozen=True)
class Target:
    """What is attacked, and from where.

    Attributes:
        http_port, https_port: Of the pair on 127.0.0.1.
        serial: Of a device that is known, and has a large database.
        away_host: The host of a site whose calls go to a partner that is slow.
        addresses: From how many addresses the attack comes.
        held: How many connections an attack may hold at once.
    """

    http_port: int
    https_port: int
    serial: str = ""
    away_host: str = ""
    addresses: int = 1
    held: int = 4960

    def dial(self, *, secure: bool) -> socket.socket:
        """A TCP connection to the TLS or the plain instance."""
        source = f"127.0.1.{random.randrange(self.addresses) + 1}"  # noqa: S311  # not for secrets
        port = self.https_port if secure else self.http_port
        return socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(source, 0))

    def secured(self) -> ssl.SSLSocket:
        """A TLS connection after its handshake, nothing verified."""
        return _any_certificate().wrap_socket(self.dial(secure=True))


@cache
def _any_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass
class Held:
    """Connections that are kept open; the oldest is closed when there are too many.

    Attributes:
        limit: How many.
    """

    limit: int
    connections: deque[socket.socket] = field(default_factory=deque)

    def add(self, connection: socket.socket) -> None:
        """Keep one more."""
        self.connections.append(connection)
        if len(self.connections) > self.limit:
            self.connections.popleft().close()

    def close(self) -> None:
        """Close them all."""
        while self.connections:
            self.connections.pop().close()


def holding(
    target: Target, clock: Clock, tally: Tally, opened: Callable[[], socket.socket], most: int = 1_000_000
) -> None:
    """Open connections until there are as many as the target says, and no more than ``most``; then exchange them."""
    limit = min(most, target.held)
    held = Held(limit)
    try:
        while clock.runs():
            try:
                held.add(opened())
                tally["connections"] += 1
            except REFUSALS:
                tally["refused"] += 1
                time.sleep(0.01)
            if len(held.connections) >= limit:
                time.sleep(0.002)
    finally:
        held.close()


def counting(clock: Clock) -> Iterator[int]:
    """0, 1, 2 ... until the time is over."""
    number = 0
    while clock.runs():
        yield number
        number += 1
