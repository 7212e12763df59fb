"""A view that takes its time holds up neither a device nor the worker, and not more of them than can be counted."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.serving.worker.answers.call_in_lanes import WAITING_FOR_EACH_THREAD
from tests.end_to_end.running import clean_environment, eventually
from tests.hostile import ask
from tests.ports import free_port

SLOW_SECONDS = 2.0

# the real instance with one view more
PROGRAM = f"""
import sys, time
from engage_server.serving import assembly
create_app = assembly.create_app
def with_a_slow_view(*arguments):
    app = create_app(*arguments)
    app.get("/slow", endpoint="slow")(lambda: time.sleep({SLOW_SECONDS}) or "slow")
    app.get("/broken", endpoint="broken")(lambda: 1 / 0)
    return app
assembly.create_app = with_a_slow_view
from engage_server.cli import main
main()
"""


@pytest.fixture
def port(installation: Path) -> Iterator[int]:
    """A plain instance with one worker and one thread for the app."""
    number = free_port()
    with (installation / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve", "http", "--bind", "127.0.0.1", "--http-port", str(number)],
            cwd=installation,
            env=clean_environment() | {"ENGAGE_THREADS": "1", "ENGAGE_WORKERS": "1"},
            stderr=log,
            stdout=subprocess.DEVNULL,
        )
    try:
        eventually(lambda: _is_there(number), "listens")
        yield number
    finally:
        process.terminate()
        process.wait(40)


def _is_there(port: int) -> bool:
    try:
        return ask(port, None) >= 0
    except OSError:
        return False


def _get(port: int, path: str) -> bytes:
    import socket

    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def test_devices_are_served_meanwhile_and_the_queue_is_bounded(port: int) -> None:
    room = 1 + WAITING_FOR_EACH_THREAD
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(_get(port, "/slow"))) for _ in range(room + 3)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    eventually(lambda: len(answers) == 3, "those for which there is no room are told at once")
    assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in answers)
    assert time.monotonic() - begun < SLOW_SECONDS * 5
    seconds = [ask(port, None) for _ in range(20)]
    assert max(seconds) < SLOW_SECONDS / 2, "no device waits for the view"
    for thread in threads:
        thread.join()
    assert sum(answer.startswith(b"HTTP/1.1 200 ") for answer in answers) == room
    assert _get(port, "/slow").endswith(b"slow")


def test_a_view_that_raises_costs_its_own_answer_alone(port: int, installation: Path) -> None:
    assert _get(port, "/broken").endswith(b'{"error":"internal error"}')
    assert ask(port, None) < SLOW_SECONDS
    assert "ZeroDivisionError" in (installation / "log").read_text()
