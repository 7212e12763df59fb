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
from tests.support.running import RunningPair, eventually
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


def test_a_log_that_nobody_reads_holds_up_nobody(installation: Path, unread: tuple[int, int]) -> None:
    reading, writing = unread
    pair = RunningPair(installation, "--workers", "1", output=writing)
    try:
        told = b""
        while b"lock fetch" not in told:
            told += os.read(reading, 4096)
        tls = trusting(installation)
        fill(writing)
        with socket.create_connection(("127.0.0.1", pair.https_port), timeout=20) as stranger:
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
