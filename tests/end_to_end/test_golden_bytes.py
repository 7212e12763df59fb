"""The very bytes on the wire, by requests written by hand, over real sockets, from both instances."""

import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from engage_server.protocol.notice import digest_of
from engage_server.protocol.site_key import anchor_hash
from tests.support.chains import SITE_KEY
from tests.support.running import NOTICE, RunningPair

Ask = Callable[[str], bytes]


@pytest.fixture(params=["http", "https"])
def ask(request: pytest.FixtureRequest, shared_pair: RunningPair, root: Path) -> Ask:
    """Sends a request, CRLF for newlines, and gives the answer with its date blanked out."""

    def send(text: str) -> bytes:
        raw = text.replace("\n", "\r\n").encode("latin-1")
        answer = shared_pair.raw_http(raw) if request.param == "http" else shared_pair.raw_https(raw, root)[0]
        return re.sub(rb"Date: [^\r]+", b"Date: -", answer, count=1)

    return send


@pytest.fixture
def der(shared_pair: RunningPair) -> bytes:
    return (shared_pair.folder / "certs" / "main" / "partner_CA.der").read_bytes()


def _head(status: str, content_type: str, length: int) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nServer: gunicorn\r\nDate: -\r\nConnection: close\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def _notice(pair: RunningPair, der: bytes, host: str) -> bytes:
    url = f"http://{host}:{pair.http_port}/certificates/{digest_of(der)}.der"
    return f'{{"cert_url":"{url}","hash":"{anchor_hash(SITE_KEY, der)}"}}'.encode()


@pytest.mark.parametrize("query", ["", "?serialNumber=AAAAAAAAAACgsQAAAAACBg==&hashType=primary&v=2", "?%zz&&="])
@pytest.mark.parametrize(
    ("host_header", "host"),
    [
        ("Host: 10.44.68.128\n", "10.44.68.128"),
        ("Host: LOCKS.example.org:80\n", "locks.example.org"),
        ("Host: nobody.example\n", "locks.example.org"),
        ("Host: \n", "locks.example.org"),
        ("Host: " + "a" * 300 + "\n", "locks.example.org"),
    ],
)
def test_the_notice(ask: Ask, shared_pair: RunningPair, der: bytes, query: str, host_header: str, host: str) -> None:
    body = _notice(shared_pair, der, host)
    answer = ask(f"GET {NOTICE}{query} HTTP/1.1\n{host_header}Connection: close\n\n")
    assert answer == _head("200 OK", "application/json", len(body)) + body


def test_the_der(ask: Ask, der: bytes) -> None:
    answer = ask(f"GET /certificates/{digest_of(der)}.der HTTP/1.1\nHost: x\nConnection: close\n\n")
    assert answer == _head("200 OK", "application/octet-stream", len(der)) + der


def test_head_is_the_same_without_the_body(ask: Ask, shared_pair: RunningPair, der: bytes) -> None:
    body = _notice(shared_pair, der, "locks.example.org")
    answer = ask(f"HEAD {NOTICE} HTTP/1.1\nHost: x\nConnection: close\n\n")
    assert answer == _head("200 OK", "application/json", len(body))
    answer = ask(f"HEAD /certificates/{digest_of(der)}.der HTTP/1.1\nHost: x\nConnection: close\n\n")
    assert answer == _head("200 OK", "application/octet-stream", len(der))


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.1",
        f"GET {NOTICE}/ HTTP/1.1",
        f"GET /{NOTICE} HTTP/1.1",
        "GET /certificates/00000000000000000000000000000000.der HTTP/1.1",
        "GET /certificates/../engage.db HTTP/1.1",
        f"POST {NOTICE} HTTP/1.1",
        f"OPTIONS {NOTICE} HTTP/1.1",
        "PUT /swordfish/lock/Configuration HTTP/1.1",
    ],
)
def test_anything_else(ask: Ask, line: str) -> None:
    body = b'{"error":"not found"}'
    answer = ask(f"{line}\nHost: x\nConnection: close\n\n")
    assert answer == _head("404 Not Found", "application/json", len(body)) + body


def test_two_requests_on_one_connection(ask: Ask, shared_pair: RunningPair, der: bytes) -> None:
    request = f"GET {NOTICE} HTTP/1.1\nHost: x\n\nGET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n"
    answer = ask(request)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert _notice(shared_pair, der, "locks.example.org") in answer
    assert answer.endswith(b'{"status":"ok"}')


def test_health(ask: Ask) -> None:
    for path, body in (("healthz", b'{"status":"ok"}'), ("readyz", b'{"status":"ready"}')):
        answer = ask(f"GET /{path} HTTP/1.1\nHost: x\nConnection: close\n\n")
        assert answer == _head("200 OK", "application/json", len(body)) + body


def test_forwarded_headers_of_a_stranger_change_nothing(ask: Ask, shared_pair: RunningPair, der: bytes) -> None:
    body = _notice(shared_pair, der, "locks.example.org")
    forged = "X-Forwarded-Host: 10.44.68.128\nX-Forwarded-For: 1.2.3.4\nX-Forwarded-Proto: https\nSCRIPT_NAME: /x\n"
    answer = ask(f"GET {NOTICE} HTTP/1.1\nHost: x\n{forged}Connection: close\n\n")
    assert answer == _head("200 OK", "application/json", len(body)) + body


def test_http_1_0_is_answered_with_1_1_and_closed(ask: Ask, shared_pair: RunningPair, der: bytes) -> None:
    body = _notice(shared_pair, der, "locks.example.org")
    for more in ("", "Connection: keep-alive\n"):
        answer = ask(f"GET {NOTICE} HTTP/1.0\n{more}\n")
        assert answer == _head("200 OK", "application/json", len(body)) + body


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GARBAGE\n\n", "400 Bad Request"),
        ("GET / HTTP/2.0\n\n", "400 Bad Request"),
        ("GET / HTTP/1.1\nHost: a\nHost: b\n\n", "400 Bad Request"),
        ("GET / HTTP/1.1\nno colon\n\n", "400 Bad Request"),
        (f"GET /{'a' * 5000} HTTP/1.1\nHost: x\n\n", f"414 {HTTPStatus(414).phrase}"),
        (f"GET / HTTP/1.1\nHost: x\nA: {'b' * 9000}\n\n", "431 Request Header Fields Too Large"),
    ],
)
def test_what_is_no_request_gets_small_json_that_repeats_nothing(ask: Ask, request_text: str, status: str) -> None:
    body = f'{{"error":"{status.partition(" ")[2].lower()}"}}'
    assert ask(request_text) == (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode("ascii")
