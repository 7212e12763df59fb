"""TCP ports for servers that tests start: each is given out once, whoever else runs tests on this machine."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing

_FIRST, _END = 16_000, 32_000  # below the range from which the kernel gives ports by itself
_BLOCK = 200


class Ports:
    """Blocks of ports that this process alone gives out.

    A port that was merely free a moment ago is somebody else's by the time that it is used. So a process claims a block
    before it gives a port of it away. The claim is a socket's name that lives in memory, where the ports live, too: in
    the kernel's network namespace. It ends with the process, however that ends.
    """

    def __init__(self) -> None:
        self._process = 0
        self._claims: list[socket.socket] = []
        self._rest: Iterator[int] = iter(())

    def take(self) -> int:
        """The next port that nobody listens on, of a block of ours."""
        if self._process != os.getpid():  # a fork has its parent's claims and would give its ports away again
            self.close()
            self._process = os.getpid()
        while True:
            for port in self._rest:
                if _is_free(port):
                    return port
            self._rest = iter(self._claim())

    def close(self) -> None:
        """Others may have them from now on."""
        for claim in self._claims:
            claim.close()
        self._claims, self._rest = [], iter(())

    def _claim(self) -> range:
        for first in range(_FIRST, _END, _BLOCK):
            claim = socket.socket(socket.AF_UNIX)
            try:
                claim.bind(f"\0engage-server-tests-ports-{first}")
            except OSError:
                claim.close()
                continue
            self._claims.append(claim)
            return range(first, first + _BLOCK)
        raise AssertionError("all ports for tests are taken: too many runs at once, or one that never stops")


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_PORTS = Ports()


def free_ports(count: int = 2) -> tuple[int, ...]:
    """So many ports: no two the same, none that was given to anybody else before."""
    return tuple(_PORTS.take() for _ in range(count))


def free_port() -> int:
    """One such port."""
    return _PORTS.take()
