"""Answers that their clients do not read: they take memory, which has a limit, and no time of anybody else's."""

import json
import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.bench.call_in import _database
from tests.support.hostile import ask
from tests.support.installation import make_installation
from tests.support.running import RunningPair, engage, eventually, ok, running_pair
from tests.support.trusting import trusting

SERIAL = "0000000000000000A0B1000000000206"
LIMIT_MIB = 4


def long_database() -> dict[str, object]:
    """Some 900 KiB of users."""
    database = _database()
    content: dict[str, dict[str, list[object]]] = database["db"]  # type: ignore[assignment]  # JSON
    add = content["usrRcrd"]["add"]
    content["usrRcrd"]["add"] = add * (900_000 // len(json.dumps(add)))
    return database


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A pair with one device whose database is long, and little memory for what is not read."""
    folder = make_installation(tmp_path_factory.mktemp("long"))
    ok(engage(folder, "site", "call-in", "main", "--unknown-devices", "enroll"))
    device = folder / "in" / SERIAL
    device.mkdir(parents=True)
    (device / "database.json").write_text(json.dumps(long_database()))
    ok(engage(folder, "device", "import", "in", "--site", "main"))
    with running_pair(folder, "--workers", "1", ENGAGE_MAX_UNFINISHED_MIB=str(LIMIT_MIB)) as running:
        yield running


def asking(pair: RunningPair, context: ssl.SSLContext, address: str = "127.0.0.1") -> ssl.SSLSocket:
    """A client that has asked for the database, is being answered, and has a small buffer for it."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(20)
    plain.bind((address, 0))
    plain.connect(("127.0.0.1", pair.https_port))
    connection = context.wrap_socket(plain, server_hostname="127.0.0.1")
    request = f"GET /swordfish/lock/db/0?serialNumber={SERIAL} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    connection.sendall(request.encode())
    assert select.select([connection], [], [], 20)[0], (
        "more than three calls of one device at once would be told to wait"
    )
    return connection


def read(connection: ssl.SSLSocket, piece: int = 65536, pause: float = 0.0) -> bytes:
    """All of an answer, to the close_notify that ends it."""
    answer = b""
    while got := connection.recv(piece):
        answer += got
        time.sleep(pause)
    return answer


def held(pair: RunningPair) -> float:
    metrics = pair.metrics().items()
    return sum(value for name, value in metrics if name.startswith('engage_unfinished_bytes{listener="https"'))


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_long_answer_arrives_whole_at_whatever_pace(pair: RunningPair, maximum: ssl.TLSVersion) -> None:
    context = trusting(pair.folder)
    context.maximum_version = maximum
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # the end has to be told
    with closing(asking(pair, context)) as fast, closing(asking(pair, context)) as slow:
        eventually(lambda: held(pair) > 500_000, "what is not read is counted")
        head, _, body = read(fast).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert f"Content-Length: {len(body)}".encode() in head
        assert json.loads(body)["db"] == long_database()["db"]
        assert read(slow, 8000, 0.001).partition(b"\r\n\r\n")[2] == body
    eventually(lambda: held(pair) == 0, "all is given back")


@pytest.mark.long("tests/unit/serving/worker/connections/test_room.py, without sockets")
def test_those_who_do_not_read_give_way_to_those_who_do(pair: RunningPair) -> None:
    context = trusting(pair.folder)
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(closing(asking(pair, context)))
        with closing(asking(pair, context)) as right:
            assert read(right).startswith(b"HTTP/1.1 200 "), "behind the same address too"
        assert ask(pair.https_port, context) >= 0
        gave_way = 'engage_connections_ended_total{listener="https",reason="memory"}'
        eventually(lambda: pair.metrics()[gave_way] >= 12 - LIMIT_MIB - 2, "the first of them have given way")
        assert held(pair) <= (LIMIT_MIB + 1) * 1024 * 1024
    eventually(lambda: held(pair) == 0, "all is given back")
