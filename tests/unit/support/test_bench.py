"""What the bench counts: as many connections as it divides by, and as many at once as it was told."""

import socket
import threading
from collections.abc import Iterator

import pytest

from engage_server.protocol.proxy_protocol import PassedOn, length_of_rest, passed_on
from tests.bench import proxied
from tests.bench.pair import REQUESTS_ON_ONE_CONNECTION, at_once, kept_alive, plain
from tests.support.running import NOTICE

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":"}' + b'"}'


class Answering:
    """A server that answers each request, and sees how many clients are there at once.

    Attributes:
        together: The first clients are answered when so many of them are there.
    """

    together = 1

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.connections = self.requests = self.open = self.most = 0
        self._lock = threading.RLock()
        self._all_there = threading.Condition(self._lock)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self.open += 1
            self.most = max(self.most, self.open)
            self._all_there.notify_all()
            self._all_there.wait_for(lambda: self.connections >= self.together, 30)
        with client:
            while content := client.recv(65536):
                assert NOTICE.encode() in content
                with self._lock:
                    self.requests += 1
                client.sendall(ANSWER)
                if b"close" in content:
                    break
            with self._lock:  # before the client sees the end
                self.open -= 1


@pytest.fixture
def server() -> Iterator[Answering]:
    made = Answering()
    yield made
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()


@pytest.mark.parametrize(("clients", "done"), [(1, 10), (4, 12)])
def test_so_many_connections_so_many_at_once(server: Answering, clients: int, done: int) -> None:
    server.together = clients
    assert at_once(plain, server.port, 10, clients) == done
    assert server.connections == server.requests == done
    assert server.most == clients


@pytest.mark.parametrize(("count", "clients", "connections"), [(250, 1, 3), (250, 4, 4), (1, 1, 1)])
def test_kept_alive_asks_as_often_as_it_is_counted(
    server: Answering, count: int, clients: int, connections: int
) -> None:
    assert at_once(kept_alive, server.port, count, clients) == server.requests
    assert server.connections == connections
    assert REQUESTS_ON_ONE_CONNECTION == 100


def test_a_client_that_fails_fails_the_run(server: Answering) -> None:
    def fails(port: int, count: int) -> None:
        raise ConnectionResetError(f"{port} {count}")

    with pytest.raises(ConnectionResetError):
        at_once(fails, server.port, 10, 4)


def test_a_ratio_is_of_one_round() -> None:
    """Other work on the machine makes a round dear for all of them."""
    figures = {
        proxied.WITHOUT: [100.0, 400.0, 100.0],
        proxied.DIRECT: [100.0, 400.0, 100.0],
        proxied.BY_HEADER: [103.0, 412.0, 900.0],
    }
    assert proxied.ratios(figures) == {proxied.WITHOUT: 1.0, proxied.DIRECT: 1.0, proxied.BY_HEADER: 1.03}


def test_the_header_of_the_bench_is_one_that_is_read() -> None:
    waiting, first = proxied.HEADER[16:], proxied.HEADER[:16]
    assert length_of_rest(first) == len(waiting)
    assert passed_on(first, waiting) == PassedOn("127.0.0.9", "127.0.0.1")
