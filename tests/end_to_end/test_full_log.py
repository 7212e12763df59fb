"""Nobody reads the log: devices are answered, workers are replaced, and the pair stops when it is told to."""

import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hello_bytes import named
from tests.support.hostile import ask
from tests.support.running import NOTICE, RunningPair, eventually
from tests.support.trusting import trusting

LINE = b"x" * 100 + b"\n"


@pytest.fixture
def unread() -> Iterator[tuple[int, int]]:
    """A pipe of the smallest size. Reading end and writing end."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def fill(writing: int) -> None:
    """Until not one octet more is taken."""
    again = os.open(f"/proc/self/fd/{writing}", os.O_WRONLY | os.O_NONBLOCK)
    for piece in (LINE, b"x"):
        try:
            while True:
                os.write(again, piece)
        except BlockingIOError:
            continue
    os.close(again)


def wait_until_ready(reading: int) -> None:
    """Until all three instances serve: the addresses are printed then."""
    told = b""
    while b"lock fetch" not in told:
        piece = os.read(reading, 4096)
        assert piece, told
        told += piece


def test_a_log_that_nobody_reads_holds_up_nobody(installation: Path, unread: tuple[int, int]) -> None:
    reading, writing = unread
    pair = RunningPair(installation, "--workers", "1", output=writing)
    try:
        wait_until_ready(reading)
        tls = trusting(installation)
        fill(writing)
        with socket.create_connection(("127.0.0.1", pair.https_port), timeout=60) as stranger:
            stranger.sendall(named("tür.example".encode()))
            assert stranger.recv(64)[5:7] == bytes((2, 112)), "which is a line in the log"
        ask(pair.https_port, tls)
        before = pair.workers()
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        eventually(lambda: len(pair.workers()) == 2 and not set(before) & set(pair.workers()), "both are replaced")
        eventually(lambda: answers(pair), "the new ones answer")
        ask(pair.https_port, tls)
        pair.process.send_signal(signal.SIGTERM)
        assert pair.process.wait(30) == 0
    finally:
        pair.stop()


def answers(pair: RunningPair) -> bool:
    try:
        return ask(pair.http_port, None) < 60
    except OSError:
        return False


@pytest.mark.campaign("above, and what is lost is counted in tests/unit/serving/worker/test_log_lines.py")
def test_lines_that_find_no_room_are_counted(installation: Path, unread: tuple[int, int]) -> None:
    reading, writing = unread
    pair = RunningPair(installation, "--workers", "1", output=writing)
    lost = 'engage_access_log_lines_lost_total{listener="http"}'
    request = f"GET {NOTICE}?serialNumber=x HTTP/1.1\r\nHost: {'x' * 200}\r\n\r\n".encode()
    try:
        wait_until_ready(reading)
        assert pair.metrics()[lost] == 0, "the control"
        with socket.create_connection(("127.0.0.1", pair.http_port), timeout=60) as connection:
            for _ in range(8000):  # some 2 MB of lines: more than the pipe and the server keep
                connection.sendall(request)
                received = b""
                while not received.endswith(b'"}'):
                    received += connection.recv(65536)
        eventually(lambda: pair.metrics()[lost] > 0, "counted")
    finally:
        assert pair.stop() == 0
