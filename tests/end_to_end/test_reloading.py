"""Stopping and reloading under load: nobody who is being served is let down."""

import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.alone import instance_alone
from tests.support.hostile import ask
from tests.support.lengths import examples
from tests.support.listening import was_read
from tests.support.running import NOTICE, RunningPair, eventually, running_pair

GET = f"GET {NOTICE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


class Load:
    """New connections in both ways, and one that is kept alive as long as the server lets it, all the time.

    Attributes:
        failures: What went wrong, each.
        answers: How many went right.
    """

    def __init__(self, pair: RunningPair) -> None:
        context = ssl.create_default_context(cafile=str(pair.folder / "certs" / "main" / "partner_CA.pem"))
        self._stopped = threading.Event()
        self._calls = (
            lambda: ask(pair.http_port, None),
            lambda: ask(pair.https_port, context),
            lambda: self._keep_alive(pair.http_port),
        )
        self.failures: list[BaseException] = []
        self.answers = 0

    @contextmanager
    def running(self) -> Iterator["Load"]:
        threads = [threading.Thread(target=self._run, args=(call,)) for call in self._calls]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def _run(self, call: Callable[[], object]) -> None:
        while not self._stopped.is_set():
            try:
                call()
                self.answers += 1
            except (OSError, AssertionError) as error:
                self.failures.append(error)
            time.sleep(0.002)

    def _keep_alive(self, port: int) -> None:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection:
            while not self._stopped.is_set():
                connection.sendall(GET)
                answer = b""
                while not answer.endswith(b'"}'):
                    piece = connection.recv(65536)
                    assert piece, ("closed without a word", answer)
                    answer += piece
                if b"Connection: close" in answer:
                    return
                time.sleep(0.05)


def test_no_request_fails_while_settings_are_read_again(installation: Path) -> None:
    with running_pair(installation, "--workers", "2") as pair, Load(pair).running() as load:
        eventually(lambda: load.answers > 100, "going")
        for _ in range(examples(all=2, quick=1, campaign=4)):
            before = set(pair.workers())
            pair.process.send_signal(signal.SIGHUP)
            eventually(lambda before=before: not before & set(pair.workers()), "all workers are new")  # type: ignore[misc]  # mypy knows no default in a lambda
        more = load.answers + 100
        eventually(lambda: load.answers > more, "still going")
    assert load.failures == []


def test_an_idle_connection_gets_a_last_answer_from_a_worker_that_is_to_go(installation: Path) -> None:
    with (
        instance_alone(installation, "http") as alone,
        closing(socket.create_connection(("127.0.0.1", alone.port), timeout=60)) as connection,
    ):
        connection.sendall(GET)
        assert b"Connection: keep-alive" in connection.recv(65536)
        before = set(alone.workers())
        alone.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(set(alone.workers()) - before) == 1, "a new worker")

        def is_the_last() -> bool:
            connection.sendall(GET)
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK"), "no request fails"
            return b"Connection: close" in answer

        eventually(is_the_last, "the old worker is told a moment after the new ones are there")


@pytest.mark.parametrize("secure", [pytest.param(False, marks=pytest.mark.long("by TLS, beside")), True])
def test_a_request_that_is_on_its_way_is_answered_before_the_end(installation: Path, secure: bool) -> None:
    root = installation / "certs" / "main" / "partner_CA.pem"
    with instance_alone(installation, "https" if secure else "http") as alone:
        plain = socket.create_connection(("127.0.0.1", alone.port), timeout=60)
        context = ssl.create_default_context(cafile=str(root))
        connection = context.wrap_socket(plain, server_hostname="localhost") if secure else plain
        with closing(connection):
            connection.sendall(b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
            eventually(lambda: was_read(connection), "the worker has what was sent so far")
            alone.process.terminate()
            time.sleep(1)
            connection.sendall(b"cd")
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
            assert b"Connection: close" in answer
        assert alone.process.wait(20) == 0


@pytest.mark.long("a request on its way is answered before the end, beside")
def test_who_never_ends_does_not_hold_the_end_up(installation: Path) -> None:
    with (
        running_pair(installation, "--workers", "1") as pair,
        closing(socket.create_connection(("127.0.0.1", pair.http_port), timeout=60)) as connection,
    ):
        connection.sendall(b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        eventually(lambda: was_read(connection), "the worker has what was sent so far")
        begun = time.monotonic()
        pair.process.send_signal(signal.SIGTERM)
        assert pair.process.wait(40) == 0
        assert 5 < time.monotonic() - begun < 35, "the limit is 15 seconds"
