"""Bad clients among right ones: the right ones are served, and everybody's time ends."""

import resource
import socket
import ssl
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.support.hostile import HABITS, HELLO, Crowd, ask, renegotiate
from tests.support.lengths import examples
from tests.support.running import NOTICE, RunningPair, eventually, running_pair
from tests.support.trusting import FAR_TOO_LONG, trusting

GET = f"GET {NOTICE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.long("each kind of bad client alone, in this module")
def test_right_devices_are_served_among_thousands_of_bad_clients(installation: Path) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(examples(all=1000, quick=1000, campaign=5000), soft - 300)
    with (
        running_pair(installation, "--workers", "2", ENGAGE_HEADER_SECONDS="5", ENGAGE_HANDSHAKE_SECONDS="5") as pair,
        Crowd(pair.http_port, pair.https_port, count, addresses=20) as crowd,
    ):
        context = trusting(installation)
        eventually(lambda: len(crowd) > 0.9 * count, "the crowd is there", 60)
        seconds = [ask(port, tls) for _ in range(100) for port, tls in _both(pair, context)]
        assert max(seconds) < FAR_TOO_LONG
        assert set(crowd.opened) == {habit.name for habit in HABITS}
        assert pair.process.poll() is None
        assert "traceback" not in pair.log.lower()
        name = 'engage_connections_ended_total{listener="%s",reason="timeout %s"}'
        for ended in (name % ("http", "header"), name % ("https", "handshake")):
            eventually(lambda ended=ended: pair.metrics()[ended], "counted")  # type: ignore[misc]  # mypy knows no default in a lambda


def _both(pair: RunningPair, context: ssl.SSLContext) -> list[tuple[int, ssl.SSLContext | None]]:
    return [(pair.http_port, None), (pair.https_port, context)]


@pytest.mark.long("test_worker_survives.py")
def test_accepting_goes_on_when_descriptors_run_out(installation: Path) -> None:
    import subprocess

    with running_pair(installation, "--workers", "1") as pair, ExitStack() as stack:
        for pid in pair.workers():
            used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={used + 20}:{used + 20}"], check=True)
        context = trusting(installation)
        for _ in range(60):
            for port in (pair.http_port, pair.https_port):
                stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=5)))
        for _ in range(5):
            for port, tls in _both(pair, context):
                assert ask(port, tls) < FAR_TOO_LONG
        assert all(Path(f"/proc/{pid}").exists() for pid in pair.workers())


@pytest.mark.parametrize(
    ("port", "first", "then", "phase"),
    [
        ("http", b"", b"", "header"),
        ("http", b"GET /swordf", b"", "header"),
        ("http", b"", b"G", "header"),
        ("http", b"GET / HTTP/1.1\r\n", b"A: b\r\n", "header"),
        ("http", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n", b"x", "body"),
        ("http", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", "body"),
        ("http", GET.replace(b"Connection: close\r\n", b""), b"", ""),
        ("https", b"", b"", "handshake"),
        ("https", HELLO[:50], b"", "handshake"),
        ("https", HELLO, b"", "handshake"),
    ],
    ids=[
        "nothing",
        "a line",
        "an octet",
        "a field",
        "a body",
        "a chunk",
        "idle",
        "no hello",
        "half a hello",
        "a hello",
    ],
)
def test_every_wait_ends_in_time(timed_pair: RunningPair, port: str, first: bytes, then: bytes, phase: str) -> None:
    """However it is drawn out; a byte now and then buys no more time."""
    number = timed_pair.http_port if port == "http" else timed_pair.https_port
    with closing(socket.create_connection(("127.0.0.1", number), timeout=0.2)) as connection:
        begun = time.monotonic()
        connection.sendall(first)
        while time.monotonic() - begun < 20:
            try:
                if not connection.recv(65536):
                    break
            except TimeoutError:
                pass
            except ConnectionError:
                break
            try:
                connection.sendall(then)
            except ConnectionError:
                break
        took = time.monotonic() - begun
    assert 0.9 < took < 15, "the limit is one second; machines are slow"
    if phase:
        name = f'engage_connections_ended_total{{listener="{port}",reason="timeout {phase}"}}'
        eventually(lambda: timed_pair.metrics()[name], "counted by what it waited for")


@pytest.fixture(scope="module")
def timed_pair(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]  # a fixture's generator
    """A pair whose patience is one second."""
    from tests.support.installation import make_installation

    limits = {f"ENGAGE_{name}_SECONDS": "1" for name in ("HANDSHAKE", "HEADER", "BODY", "KEEPALIVE")}
    with running_pair(make_installation(tmp_path_factory.mktemp("timed")), "--workers", "1", **limits) as pair:
        yield pair


def test_a_client_that_never_closes_is_closed(shared_pair: RunningPair) -> None:
    """After an answer that was not asked to be the last: the server lingers, and then goes."""
    with closing(socket.create_connection(("127.0.0.1", shared_pair.http_port), timeout=10)) as connection:
        connection.sendall(b"rubbish\r\n\r\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 400 "), "all of it, and the end of the server's direction"
        name = 'engage_connections_open{listener="http",phase="lingering"}'
        eventually(lambda: shared_pair.metrics()[name] == 0, "let go")
        eventually(lambda: _is_reset(connection), "closed for good")


def _is_reset(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"x")
    except ConnectionError:
        return True
    return False


def test_unread_input_does_not_take_the_answer_back(shared_pair: RunningPair) -> None:
    """A close that found unread bytes would reset the connection before the client has read (RFC 9112 section 9.6)."""
    for _ in range(20):
        with closing(socket.create_connection(("127.0.0.1", shared_pair.http_port), timeout=10)) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
            try:
                for _ in range(50):
                    connection.sendall(b"x" * 16384)
            except ConnectionError:
                pass
            time.sleep(0.02)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            assert answer.startswith(b"HTTP/1.1 413 ")


def test_the_body_is_not_waited_for_when_it_is_too_long(shared_pair: RunningPair) -> None:
    answer = shared_pair.raw_http(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_wants_to_continue_is_told_so(shared_pair: RunningPair) -> None:
    with closing(socket.create_connection(("127.0.0.1", shared_pair.http_port), timeout=10)) as connection:
        fields = "Host: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close"
        connection.sendall(f"PUT / HTTP/1.1\r\n{fields}\r\n\r\n".encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(65536).startswith(b"HTTP/1.1 404 Not Found\r\n")


@pytest.mark.long("tests/unit/serving/worker/connections/test_memory_budget.py")
def test_slow_bodies_together_take_no_more_memory_than_they_may(installation: Path) -> None:
    """Over the limit whoever held most for longest is closed, and a newcomer is served; what is finished makes room."""
    head = b"POST /swordfish/lock/audit HTTP/1.1\r\nHost: x\r\nContent-Length: 700000\r\n\r\n"
    gave_way = 'engage_connections_ended_total{listener="http",reason="memory"}'

    def begun() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", pair.http_port), timeout=20)
        connection.sendall(head + b"x" * 600_000)
        eventually(lambda: _held(pair, "http") > 550_000, "all of it has been read")
        return connection

    with running_pair(installation, "--workers", "1", ENGAGE_MAX_UNFINISHED_MIB="1") as pair:
        for count in (1, 2):
            with closing(begun()) as first, closing(begun()) as second:
                assert _is_closed(first)
                assert ask(pair.http_port, None) < FAR_TOO_LONG, "devices are not concerned"
                second.sendall(b"x" * 100_000)
                assert second.recv(65536).startswith(b"HTTP/1.1 404 ")
            eventually(lambda: _held(pair, "http") == 0, "nothing is held of what has ended")
            assert pair.metrics()[gave_way] == count


def _held(pair: RunningPair, listener: str) -> float:
    metrics = pair.metrics().items()
    return sum(value for name, value in metrics if name.startswith(f'engage_unfinished_bytes{{listener="{listener}"'))


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(65536) == b""
    except ConnectionError:
        return True


def test_renegotiation_is_not_to_be_had(shared_pair: RunningPair, root: Path) -> None:
    assert renegotiate(shared_pair.https_port) != "renegotiated"
    assert ask(shared_pair.https_port, trusting(shared_pair.folder)) < FAR_TOO_LONG


@pytest.mark.campaign("test_long_answers.py")
def test_a_slow_reader_gets_all_of_it(shared_pair: RunningPair) -> None:
    """Many answers that the client does not read yet: what the socket does not take is kept, and no more is read."""
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", shared_pair.http_port))
        connection.settimeout(10)
        count = 3000
        sent = 0
        requests = GET.replace(b"Connection: close\r\n", b"") * count
        connection.setblocking(False)
        received, deadline = b"", time.monotonic() + 30
        while received.count(b"HTTP/1.1 200 OK") < count and time.monotonic() < deadline:
            with suppress(BlockingIOError):
                sent += connection.send(requests[sent : sent + 65536]) if sent < len(requests) else 0
            try:
                received += connection.recv(4096)
            except BlockingIOError:
                time.sleep(0.001)
        assert received.count(b"HTTP/1.1 200 OK") == count
