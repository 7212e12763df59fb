"""What odd clients and proxies send, on real sockets: each is answered, and the log stays one JSON object a line."""

import json
import runpy
import socket
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support import checkout
from tests.support.running import NOTICE, PATIENCE, RunningPair, engage, eventually, ok, running_pair

CASE = checkout.ROOT / "tests" / "assets" / "cases" / "non-ascii-server-name.py"
NAME = "schlösser.example.org"
A_LABELS = "xn--schlsser-q4a.example.org"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """On a socket that listens for both kinds of addresses, behind a proxy that is trusted in the other spelling."""
    folder = tmp_path_factory.mktemp("wire")
    ok(engage(folder, "init", "--host", "localhost", "--host", "127.0.0.1", "--host", "::1"))
    ok(engage(folder, "site", "add", "castle", "--host", NAME, "--site-key-file", "-", stdin=b"cd" * 32))
    ok(engage(folder, "chain", "build", "certs/castle", "--host", NAME))
    ok(engage(folder, "release", "stage", "certs/castle", "--site", "castle"))
    ok(engage(folder, "release", "activate", "1", "--site", "castle"))
    with running_pair(folder, "--bind", "::", "--workers", "1", ENGAGE_TRUSTED_PROXIES="::ffff:127.0.0.2/128") as pair:
        yield pair


def ask(pair: RunningPair, *lines: bytes, address: str = "127.0.0.1") -> bytes:
    with closing(socket.create_connection((address, pair.http_port), timeout=PATIENCE)) as connection:
        connection.sendall(b"\r\n".join((b"GET %s HTTP/1.1" % NOTICE.encode(), *lines, b"Connection: close", b"", b"")))
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def requests(pair: RunningPair) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in pair.log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "request"]


def test_an_ipv4_client_is_logged_as_one(pair: RunningPair) -> None:
    ask(pair, b"Host: localhost")
    eventually(lambda: requests(pair), "logged")
    assert {each["address"] for each in requests(pair)} == {"127.0.0.1"}


@pytest.mark.parametrize(
    "lines",
    [
        (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
        (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
        (b"Upgrade: TLS/1.2",),
    ],
)
def test_an_upgrade_is_ignored(pair: RunningPair, lines: tuple[bytes, ...]) -> None:
    answer = ask(pair, b"Host: localhost", *lines)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"http://localhost:" in answer


@pytest.mark.parametrize("spelling", [NAME.encode(), b"schl%C3%B6sser.example.org", A_LABELS.encode()])
def test_an_international_site(pair: RunningPair, spelling: bytes) -> None:
    assert f"http://{A_LABELS}:".encode() in ask(pair, b"Host: " + spelling)


def test_evidence_is_of_the_address_that_the_proxy_tells(pair: RunningPair) -> None:
    """With a port, over two hops and two lines; the proxy itself is known by either spelling of its address."""
    with closing(socket.socket()) as connection:
        connection.bind(("127.0.0.2", 0))
        connection.connect(("127.0.0.1", pair.http_port))
        connection.sendall(
            f"GET {NOTICE} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: [2001:db8::7]:1\r\n"
            "X-Forwarded-For: 192.0.2.7:5678, 127.0.0.2\r\nConnection: close\r\n\r\n".encode()
        )
        while connection.recv(65536):
            pass

    def devices() -> list[str]:
        return [each["device"] for each in json.loads(ok(engage(pair.folder, "device", "list", "--json")))]

    eventually(lambda: "192.0.2.7" in devices(), "the evidence is stored")
    assert "2001:db8::7" not in devices()
    assert not [each for each in devices() if each.startswith("::ffff:")]


def test_a_server_name_that_is_not_ascii(
    pair: RunningPair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [CASE.name, str(pair.https_port)])
    runpy.run_path(str(CASE), run_name="__main__")
    assert capsys.readouterr().out.strip() in ("ServerHello", "alert 112")
    ask(pair, b"Host: localhost")
    log = [line for line in pair.log.splitlines() if line]
    begun = next(index for index, line in enumerate(log) if line.startswith("serving on "))
    assert "Traceback" not in pair.log
    for line in log[begun:]:
        assert line.startswith(("serving on", "try:", "  curl", "  ", "{")), line
        if line.startswith("{"):
            json.loads(line)
