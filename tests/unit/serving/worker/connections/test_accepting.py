"""Clients from a listening socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.serving.worker.connections import accepting
from engage_server.serving.worker.connections.accepting import Accepting


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family, address = request.param
    with socket.socket(family) as listening:
        try:
            listening.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no such addresses")
        listening.listen()
        listening.setblocking(False)
        yield listening


def test_each_client_comes_once_with_its_address_and_can_be_talked_to(listener: socket.socket) -> None:
    accepted = Accepting(listener)
    with socket.create_connection(listener.getsockname()[:2]) as client:
        taken, address = accepted.next()
        assert address == client.getsockname()[0]
        assert taken.family == listener.family
        taken.send(b"hello")
        assert client.recv(10) == b"hello"
        assert not os.get_inheritable(taken.fileno())
        with pytest.raises(BlockingIOError):
            accepted.next()
        taken.close()
        assert client.recv(10) == b""


def test_a_client_for_whom_there_is_no_memory_keeps_no_descriptor(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = Accepting(listener)
    with socket.create_connection(listener.getsockname()[:2]) as client:

        def fails(*_: object) -> None:
            raise MemoryError

        monkeypatch.setattr(accepting, "Socket", fails)
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(MemoryError):
            accepted.next()
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        client.settimeout(5)
        assert client.recv(10) == b"", "it has been let go"
