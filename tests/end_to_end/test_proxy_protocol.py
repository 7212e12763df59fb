"""A real HAProxy in front of a pair: each device keeps its own address, and nobody can pretend to have another."""

import json
import shutil
import socket
import sqlite3
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from engage_server.protocol.proxy_protocol import SIGNATURE
from tests.support.commands import engage
from tests.support.installation import make_installation
from tests.support.ports import free_ports
from tests.support.running import NOTICE, RunningPair, eventually, running_pair

BALANCER, STRANGER, DEVICE = "127.0.0.2", "127.0.0.1", "127.0.0.9"
ASK = f"GET {NOTICE} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
HEADER = SIGNATURE + b"\x21\x11" + struct.pack("!H", 12) + socket.inet_aton(DEVICE) + socket.inet_aton("192.0.2.1")
HEADER += struct.pack("!HH", 50000, 443)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A pair behind balancers at one address, which gives them two seconds for a header."""
    folder = make_installation(tmp_path_factory.mktemp("proxied"))
    settings = {"ENGAGE_PROXY_PROTOCOL_FROM": f"{BALANCER}/32", "ENGAGE_HANDSHAKE_SECONDS": "2"}
    with running_pair(folder, "--workers", "1", **settings) as running:
        yield running


def connected(port: int, address: str) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(10)
    connection.bind((address, 0))
    connection.connect(("127.0.0.1", port))
    return connection


def answer_to(port: int, address: str, *pieces: bytes) -> bytes:
    """What comes back until the connection ends; b"" if it is closed without a word."""
    answer = b""
    with closing(connected(port, address)) as connection, suppress(ConnectionError):
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(0.05)
            connection.sendall(piece)
        while more := connection.recv(65536):
            answer += more
    return answer


def asked_in_tls(connection: socket.socket, ask: bytes = ASK) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    answer = b""
    with context.wrap_socket(connection, server_hostname="localhost") as secure:
        secure.sendall(ask)
        while more := secure.recv(65536):
            answer += more
    return answer


def callers(pair: RunningPair) -> dict[str, set[int]]:
    """The addresses in the access log, with the statuses that each got."""
    found: dict[str, set[int]] = {}
    for line in pair.log.splitlines():
        with suppress(ValueError):
            entry = json.loads(line)
            if entry.get("event") == "request":
                found.setdefault(entry["address"], set()).add(entry["status"])
    return found


@contextmanager
def haproxy(pair: RunningPair, folder: Path) -> Iterator[tuple[int, int]]:
    """HAProxy with the PROXY protocol on; its plain and its TLS port."""
    program = shutil.which("haproxy")
    if program is None:
        pytest.skip("HAProxy is not installed (apt-get install haproxy)")
    plain, tls = free_ports(2)
    lines = ["defaults", " mode tcp", " timeout connect 5s", " timeout client 20s", " timeout server 20s"]
    for port, behind in ((plain, pair.http_port), (tls, pair.https_port)):
        lines += [f"listen on{port}", f" bind 127.0.0.1:{port}", f" source {BALANCER}"]
        lines += [f" server host 127.0.0.1:{behind} send-proxy-v2 check check-send-proxy inter 200ms"]
    configuration = folder / "haproxy.cfg"
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    process = subprocess.Popen([program, "-db", "-f", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: _listens(plain) and _listens(tls), "HAProxy listens")
        yield plain, tls
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_devices_keep_their_addresses_behind_haproxy(pair: RunningPair, tmp_path: Path) -> None:
    with haproxy(pair, tmp_path) as (plain, tls):
        assert answer_to(plain, "127.0.0.11", ASK).startswith(b"HTTP/1.1 200")
        assert asked_in_tls(connected(tls, "127.0.0.12")).startswith(b"HTTP/1.1 200")
    eventually(lambda: {"127.0.0.11", "127.0.0.12"} <= set(callers(pair)), "both are in the access log")
    assert BALANCER not in callers(pair)


@pytest.mark.parametrize("size", [1, 5, 16, 20])
def test_a_header_may_come_in_pieces(pair: RunningPair, size: int) -> None:
    whole = HEADER + ASK
    pieces = [*(HEADER[at : at + size] for at in range(0, len(HEADER), size)), ASK]
    assert b"".join(pieces) == whole
    assert answer_to(pair.http_port, BALANCER, *pieces).startswith(b"HTTP/1.1 200")


def _in_tls_after(pair: RunningPair, header: bytes, ask: bytes) -> bytes:
    connection = connected(pair.https_port, BALANCER)
    connection.sendall(header)
    return asked_in_tls(connection, ask)


def _handshakes(pair: RunningPair, address: str) -> int:
    """How many finished handshakes of an address are stored."""
    sql = "SELECT count(*) FROM sightings WHERE address = ? AND kind = 'handshake_finished'"
    with closing(sqlite3.connect(pair.folder / "data" / "engage.db")) as database:
        return int(database.execute(sql, (address,)).fetchone()[0])


def test_a_check_by_a_balancer_is_no_device(pair: RunningPair) -> None:
    """HAProxy checks each second with the command LOCAL. Of a client that it cannot name, it says no address either."""
    local, of_nobody = (SIGNATURE + bytes([command]) + b"\x00\x00\x00" for command in (0x20, 0x21))
    check = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert b'"ready"' in answer_to(pair.http_port, BALANCER, local + check)
    assert b'"ready"' in _in_tls_after(pair, local, check)
    assert _in_tls_after(pair, of_nobody, ASK).startswith(b"HTTP/1.1 200")
    assert _in_tls_after(pair, HEADER, ASK).startswith(b"HTTP/1.1 200"), "the control"
    eventually(lambda: _handshakes(pair, DEVICE) > 0, "the control is stored")
    assert _handshakes(pair, BALANCER) == 0
    eventually(lambda: BALANCER in callers(pair), "what is no check is logged")
    assert f'"https","address":"{BALANCER}"' in pair.log
    assert '"path":"/readyz"' not in pair.log


def test_what_a_balancer_asks_for_itself_is_logged(pair: RunningPair) -> None:
    local = SIGNATURE + b"\x20\x00\x00\x00"
    assert answer_to(pair.http_port, BALANCER, local + ASK).startswith(b"HTTP/1.1 200")
    eventually(lambda: f'"http","address":"{BALANCER}"' in pair.log, "its notice is in the access log")


def test_what_a_balancer_does_for_itself_is_no_devices(pair: RunningPair) -> None:
    """A health check by TLS comes every second: as a device, it would be lost on the day when the balancer is."""
    local, passed_on = SIGNATURE + b"\x20\x00\x00\x00", HEADER
    for begin in (local, passed_on):
        for ask in (ASK, f"GET {NOTICE} HTTP/1.0\r\n\r\n".encode()):
            assert answer_to(pair.http_port, BALANCER, begin + ask).startswith(b"HTTP/1.1 200")
        connection = connected(pair.https_port, BALANCER)
        connection.sendall(begin)
        assert asked_in_tls(connection).startswith(b"HTTP/1.1 200")
    devices = eventually_devices(pair, DEVICE)
    assert DEVICE in devices
    assert BALANCER not in devices


def eventually_devices(pair: RunningPair, wanted: str) -> str:
    """What ``engage device list`` says, once it knows this one."""
    found = ""

    def is_there() -> bool:
        nonlocal found
        found = engage(pair.folder, "device", "list", "--json").stdout
        return wanted in found

    eventually(is_there, f"{wanted} is a device")
    return found


def test_a_balancer_without_a_header_is_closed_and_named(pair: RunningPair) -> None:
    assert answer_to(pair.http_port, BALANCER, ASK) == b""
    assert answer_to(pair.http_port, STRANGER, ASK).startswith(b"HTTP/1.1 200"), "others need none"
    eventually(lambda: f"a connection from {BALANCER} was closed: no header" in pair.log, "logged")
    counted = 'engage_connections_ended_total{listener="http",reason="proxy header"}'
    eventually(lambda: pair.metrics()[counted] >= 1, "counted")


def test_strangers_cannot_bring_a_header(pair: RunningPair) -> None:
    """Else anyone could call from any address."""
    assert answer_to(pair.http_port, STRANGER, HEADER + ASK).startswith(b"HTTP/1.1 400")
    refused = answer_to(pair.https_port, STRANGER, HEADER + b"\x16\x03\x01")
    assert refused == bytes.fromhex("1503030002020a"), "an alert"
    eventually(lambda: 400 in callers(pair).get(STRANGER, ()), "the refusal is in the access log")
    assert 400 not in callers(pair).get(DEVICE, ())


def test_a_header_that_never_ends_is_closed_in_time(pair: RunningPair) -> None:
    begun = time.monotonic()
    assert answer_to(pair.https_port, BALANCER, HEADER[:20]) == b""
    assert 1.5 < time.monotonic() - begun < 30


def test_who_says_nothing_is_handed_over_a_second_later(pair: RunningPair) -> None:
    """A balancer connects, and then sends its header: without this, each connection would be watched until then."""

    def accepted() -> float:
        found = pair.metrics().items()
        return sum(
            value for name, value in found if name.startswith('engage_connections_accepted_total{listener="http"')
        )

    before, begun = accepted(), time.monotonic()
    with closing(connected(pair.http_port, STRANGER)):
        time.sleep(0.6)  # a tick, in which the worker says what it has, and half as much again
        early = accepted()
        assert early == before or time.monotonic() - begun > 0.95, "or this machine was held up"
        eventually(lambda: accepted() == before + 1, "then it is")
    assert answer_to(pair.http_port, STRANGER, ASK).startswith(b"HTTP/1.1 200"), "the control: at once"


def test_others_are_served_while_a_header_is_awaited(pair: RunningPair) -> None:
    with closing(connected(pair.https_port, BALANCER)) as waiting:
        waiting.sendall(HEADER[:3])
        assert asked_in_tls(connected(pair.https_port, STRANGER)).startswith(b"HTTP/1.1 200")
    assert "Traceback" not in pair.log
