"""What happens on one connection, or in one part of the worker, ends no worker."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.hostile import ask
from tests.support.lengths import examples
from tests.support.running import RunningPair, clean_environment, eventually, free_port, running_pair
from tests.support.trusting import trusting

# a real instance, parts of which raise for as long as a file of that name exists; how often the loop turned is told
PROGRAM = """
import os
from pathlib import Path
from engage_server.services.evidence.sightings import Sightings
from engage_server.serving.worker.equipment import Equipment
from engage_server.serving.worker.answers.app_pool import AppPool
from engage_server.serving.worker.answers.origin_server import OriginServer
from engage_server.serving.worker.connections.tls_context import TlsContexts
from engage_server.serving.worker.loop import DeviceWorker

def breakable(owner, name):
    method = getattr(owner, name)
    def broken(*arguments, **options):
        if Path(name).exists():
            raise RuntimeError(f"{name} is broken")
        return method(*arguments, **options)
    setattr(owner, name, broken)

for owner, name in (
    (AppPool, "finished"), (OriginServer, "rendered"), (OriginServer, "take"), (Equipment, "tick"),
    (Equipment, "note"), (Equipment, "local_address"), (Sightings, "flush"), (DeviceWorker, "_end"),
):
    breakable(owner, name)

turn = DeviceWorker._turn
def counted(self):
    with open(f"turns-{os.getpid()}", "ab") as file:
        file.write(b".")
    turn(self)
DeviceWorker._turn = counted
from engage_server.cli import main
main()
"""


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The folder and the port of that instance."""
    from tests.support.installation import make_installation

    folder, number = make_installation(tmp_path_factory.mktemp("breakable")), free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve", "http", "--bind", "127.0.0.1", "--http-port", str(number)],
            cwd=folder,
            env=clean_environment() | {"ENGAGE_WORKERS": "1"},
            stderr=log,
            stdout=subprocess.DEVNULL,
        )
    try:
        eventually(lambda: _serves(number), "listens")
        yield folder, number
    finally:
        process.terminate()
        process.wait(40)


def _serves(port: int) -> bool:
    try:
        return ask(port, None) >= 0
    except OSError:
        return False


def _get(port: int, path: str) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=1)) as connection:
        try:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(65536)
        except OSError:
            return b""


@contextmanager
def _broken(folder: Path, name: str) -> Iterator[None]:
    (folder / name).touch()
    try:
        yield
    finally:
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("name", "still_served"),
    [
        ("finished", True),  # no answer of the app arrives; what is prepared needs none
        ("rendered", True),
        ("tick", True),
        ("flush", True),
        ("_end", True),
        ("note", True),  # it has its answer by then
        ("take", False),  # these two cost the connection, and it alone
        ("local_address", False),
    ],
)
def test_a_part_that_fails_ends_neither_the_worker_nor_its_pause(
    breakable: tuple[Path, int], name: str, still_served: bool
) -> None:
    folder, port = breakable
    (turns,) = folder.glob("turns-*")
    with _broken(folder, name):
        for _ in range(3):
            assert still_served is _serves_now(port)
            if name in ("finished", "rendered"):
                assert _get(port, "/healthz") == b""
        before = turns.stat().st_size
        time.sleep(1)
        assert turns.stat().st_size - before < 50, "nobody calls, so nothing is to be done"
    eventually(lambda: _get(port, "/healthz").startswith(b"HTTP/1.1 200 "), "all is as before")
    assert list(folder.glob("turns-*")) == [turns], "it is the same worker"
    log = (folder / "log").read_text()
    assert log.count(f"RuntimeError: {name} is broken") == 1, "logged once, not each time"


def _serves_now(port: int) -> bool:
    try:
        return ask(port, None) >= 0
    except (OSError, AssertionError):
        return False


@contextmanager
def _standing_still(pids: list[int]) -> Iterator[None]:
    """Whatever clients do meanwhile is there at once afterwards, in one turn of the loop."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _evict_those_with_events(pair: RunningPair, installation: Path, stack: ExitStack, per_port: int) -> None:
    """Those that give way to new connections all have something to say in the very turn in which they give way."""
    workers = pair.workers()
    context = trusting(installation)
    for _ in range(examples(all=3, quick=1)):
        ports = (pair.http_port, pair.https_port)
        old = [stack.enter_context(closing(_connected(port))) for port in ports for _ in range(per_port)]
        time.sleep(0.2)
        with _standing_still(workers):
            # a new one first, so that the listener stands before the others in epoll's list
            new = [stack.enter_context(closing(_connected(port))) for port in ports for _ in range(2)]
            for each in old:
                _say(each)
            new += [stack.enter_context(closing(_connected(port))) for port in ports for _ in range(per_port)]
        for each in (*old, *new):
            _say(each)
        for port, tls in ((pair.http_port, None), (pair.https_port, context)):
            assert ask(port, tls) >= 0
    assert pair.workers() == workers
    assert "traceback" not in pair.log.lower()
    assert pair.metrics()['engage_worker_defects_total{listener="http"}'] == 0


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def _say(connection: socket.socket) -> None:
    with suppress(OSError):  # it gave way
        connection.send(b"G", socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)


def test_those_that_give_way_may_have_events_of_the_same_turn(installation: Path) -> None:
    limits = {"ENGAGE_MAX_CONNECTIONS": "40", "ENGAGE_MAX_CONNECTIONS_PER_ADDRESS": "20"}
    with running_pair(installation, "--workers", "1", **limits) as pair, ExitStack() as stack:
        _evict_those_with_events(pair, installation, stack, 20)
        eventually(lambda: pair.metrics()['engage_connections_ended_total{listener="http",reason="limit"}'], "evicted")


def test_the_same_where_descriptors_run_out(installation: Path) -> None:
    with running_pair(installation, "--workers", "1") as pair, ExitStack() as stack:
        for pid in pair.workers():
            used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={used + 20}:{used + 20}"], check=True)
        _evict_those_with_events(pair, installation, stack, 20)
        eventually(lambda: pair.metrics()['engage_connections_ended_total{listener="http",reason="limit"}'], "evicted")
