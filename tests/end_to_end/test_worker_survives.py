"""What happens on one connection, or in one part of the worker, ends no worker."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from engage_server.protocol.notice import digest_of
from tests.support.following import new_chain, stage
from tests.support.hostile import ask
from tests.support.lengths import examples
from tests.support.running import (
    NOTICE,
    RunningPair,
    clean_environment,
    engage,
    eventually,
    free_port,
    ok,
    running_pair,
)
from tests.support.trusting import FAR_TOO_LONG, trusting

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
from engage_server.serving.worker.switching.switchover import Switchover

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
Switchover._run = lambda self: None  # as if this thread never got a processor
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


def test_the_loop_begins_to_serve_a_change_itself(breakable: tuple[Path, int]) -> None:
    """The thread that waits for the moment is one of many, and may get a processor late. Here it never gets one."""
    folder, port = breakable
    chain = new_chain(folder, "next")
    digest = digest_of((chain / "partner_CA.der").read_bytes()).encode()
    ok(engage(folder, "release", "activate", stage(folder, chain)))
    eventually(lambda: digest in _get(port, NOTICE), "the new release is served")


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


def _evict_those_with_events(pair: RunningPair, stack: ExitStack, per_port: int) -> None:
    """Those that give way to new connections all have something to say in the very turn in which they give way."""
    workers = pair.workers()
    context = trusting(pair.folder)
    for _ in range(examples(all=1, quick=1, campaign=3)):
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


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A pair that takes few connections."""
    from tests.support.installation import make_installation

    limits = {"ENGAGE_MAX_CONNECTIONS": "40", "ENGAGE_MAX_CONNECTIONS_PER_ADDRESS": "20"}
    with running_pair(make_installation(tmp_path_factory.mktemp("narrow")), "--workers", "1", **limits) as pair:
        yield pair


def _gave_way(pair: RunningPair, listener: str) -> float:
    return pair.metrics()[f'engage_connections_ended_total{{listener="{listener}",reason="limit"}}']


def test_those_that_give_way_may_have_events_of_the_same_turn(narrow: RunningPair) -> None:
    before = _gave_way(narrow, "http")
    with ExitStack() as stack:
        _evict_those_with_events(narrow, stack, 20)
        eventually(lambda: _gave_way(narrow, "http") > before, "evicted")


def test_the_same_where_descriptors_run_out(narrow: RunningPair) -> None:
    """Long before the limit of connections is reached."""
    before = _gave_way(narrow, "http")
    with ExitStack() as stack:
        for pid in narrow.workers():
            stack.enter_context(_few_descriptors(pid))
        _evict_those_with_events(narrow, stack, 10)
        eventually(lambda: _gave_way(narrow, "http") > before, "evicted")


@contextmanager
def _few_descriptors(pid: int) -> Iterator[None]:
    """A process can open hardly any more."""
    usual, _ = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    _limit_descriptors(pid, used + 10)
    try:
        yield
    finally:
        _limit_descriptors(pid, usual)


def _limit_descriptors(pid: int, count: int) -> None:
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, hard))


@pytest.mark.parametrize("same_address", [pytest.param(True, marks=pytest.mark.long("many addresses, beside")), False])
def test_over_the_limit_those_that_wait_longest_make_room(narrow: RunningPair, same_address: bool) -> None:
    """A right device is served, behind the same address as the bad ones too; nobody is kept for ever."""
    listeners = {"http": (narrow.http_port, None), "https": (narrow.https_port, trusting(narrow.folder))}
    before = {name: _gave_way(narrow, name) for name in listeners}
    with ExitStack() as stack:
        for number in range(60):
            for port, _ in listeners.values():
                silent = stack.enter_context(closing(socket.socket()))
                silent.bind(("127.0.0.1" if same_address else f"127.0.1.{number + 1}", 0))
                silent.connect(("127.0.0.1", port))
        for _ in range(5):
            for port, tls in listeners.values():
                assert ask(port, tls) < FAR_TOO_LONG
        wanted = 40 if same_address else 20
        eventually(lambda: all(_gave_way(narrow, name) >= before[name] + wanted for name in listeners), "counted")
