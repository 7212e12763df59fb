"""A route gets everything as it was sent, and whatever it does ends in a whole answer."""

import logging
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from engage_server.links.ingress.app import IngressApp
from engage_server.links.ingress.call import Answer, Call, Route
from engage_server.links.ingress.ends import End
from engage_server.links.registry.listeners import PlainTable
from engage_server.links.registry.table import Where
from engage_server.records import read_network
from engage_server.serving.worker.answers.app_pool import AppAnswer
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.request_reader import Request, RequestReader
from tests.support.m2u import AT

SERVES = ("kpn-ingestion",)


class Desk:
    """Keeps each call, and answers what it is given; an exception is raised."""

    def __init__(self) -> None:
        self.calls: list[tuple[Call, Mapping[str, str]]] = []
        self.gives: Answer | Exception = Answer(200)

    def answer(self, call: Call, variables: Mapping[str, str]) -> Answer:
        """Answer."""
        self.calls.append((call, variables))
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def app(desk: Desk) -> IngressApp:
    plain = PlainTable("lan", "127.0.0.1", 80, SERVES, (read_network("127.0.0.0/8"),), Where(Path("links.toml")))
    routes = [
        Route("/a/<name>", ("GET", "POST"), "kpn-ingestion", desk.answer, max_body=100),
        Route("/b", ("POST",), "kpn-ingestion", desk.answer, max_body=1000),
        Route("/c/<name>", ("GET",), "m2u", desk.answer),
    ]
    return IngressApp(End("127.0.0.1", 80, plain=plain), routes, [], lambda: AT, logging.getLogger("test"))


@pytest.fixture
def connection() -> Iterator[Connection]:
    one, other = socket.socketpair()
    yield Connection(one, "127.0.0.1", 0.0)
    one.close()
    other.close()


def request(text: str, body: bytes = b"") -> Request:
    """A request as the worker reads it."""
    found = RequestReader().feed(text.replace("\n", "\r\n").encode("latin-1") + body)
    assert found is not None
    return found


def ask(app: IngressApp, connection: Connection, text: str, body: bytes = b"") -> AppAnswer:
    return app.answer(connection, request(text, body), ("127.0.0.1", 80))


def test_a_call_has_everything_as_it_was_sent(app: IngressApp, connection: Connection, desk: Desk) -> None:
    text = (
        "POST /a/x%20y?q=%41&q HTTP/1.1\nHost: m.m\nX_Y: 1\nX-Y: 2\nx-y: 3\nX-Z: \xe9\nTransfer-Encoding: chunked\n\n"
        "3\nabc\n0\n\n"
    )
    assert ask(app, connection, text).status == 200
    ((call, variables),) = desk.calls
    assert (call.method, call.path, call.query, call.body) == ("POST", "/a/x y", "q=%41&q", b"abc")
    assert dict(variables) == {"name": "x y"}
    assert call.fields[:5] == (("host", "m.m"), ("x_y", "1"), ("x-y", "2"), ("x-y", "3"), ("x-z", "\xe9"))
    assert call.values("x_y") == ("1",)
    assert call.values("x-y") == ("2", "3")
    assert (call.address, call.host, call.secure, call.client_certificate) == ("127.0.0.1", "lan", False, None)
    assert call.at == AT


def test_an_answer_is_whole(app: IngressApp, connection: Connection, desk: Desk) -> None:
    desk.gives = Answer(207, b"abc", "text/x", (("X-A", "b"),))
    answer = ask(app, connection, "GET /a/x HTTP/1.1\nHost: x\n\n")
    assert answer.status_line == b"HTTP/1.1 207 Multi-Status\r\n"
    assert answer.rest == b"Content-Type: text/x\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabc"
    assert answer.route == "/a/<name>"
    desk.gives = Answer(299)
    answer = ask(app, connection, "GET /a/x HTTP/1.1\nHost: x\n\n")
    assert (answer.status_line, answer.rest) == (b"HTTP/1.1 299 \r\n", b"Content-Length: 0\r\n\r\n")


def test_no_content_has_no_length(app: IngressApp, connection: Connection, desk: Desk) -> None:
    desk.gives = Answer(204, b"abc")
    answer = ask(app, connection, "GET /a/x HTTP/1.1\nHost: x\n\n")
    assert (answer.status_line, answer.rest) == (b"HTTP/1.1 204 No Content\r\n", b"\r\n")


@pytest.mark.parametrize("gives", [RuntimeError("S3cret"), Answer(200, fields=(("X-A", "b\r\nX-C: d"),))])
def test_a_defect_is_logged_and_costs_one_answer(
    app: IngressApp, connection: Connection, desk: Desk, gives: Answer | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    desk.gives = gives
    answer = ask(app, connection, "GET /a/x HTTP/1.1\nHost: x\n\n")
    assert answer.status == 500
    assert answer.rest.endswith(b'{"error":"internal server error"}')
    assert "Traceback" in caplog.text
    desk.gives = Answer(200)
    assert ask(app, connection, "GET /a/x HTTP/1.1\nHost: x\n\n").status == 200


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("GET /c/x HTTP/1.1\nHost: x\n\n", 404),  # a service that the table does not list
        ("GET /a/x/ HTTP/1.1\nHost: x\n\n", 404),
        ("GET //a/x HTTP/1.1\nHost: x\n\n", 404),
        ("GET /a//x HTTP/1.1\nHost: x\n\n", 404),
        ("GET /A/x HTTP/1.1\nHost: x\n\n", 404),
        ("GET /b HTTP/1.1\nHost: x\n\n", 405),
        ("HEAD /a/x HTTP/1.1\nHost: x\n\n", 405),
        ("OPTIONS /a/x HTTP/1.1\nHost: x\n\n", 405),
        ("OPTIONS * HTTP/1.1\nHost: x\n\n", 404),
        ("GET /a/x HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: Upgrade\n\n", 200),
        ("HEAD /healthz HTTP/1.1\nHost: x\n\n", 200),
    ],
)
def test_only_what_is_there_is_called(
    app: IngressApp, connection: Connection, desk: Desk, text: str, status: int
) -> None:
    assert ask(app, connection, text).status == status
    assert len(desk.calls) == (status == 200 and "/a/x" in text)


def test_a_body_is_limited_by_its_route(app: IngressApp, connection: Connection, desk: Desk) -> None:
    assert (app.body_limit("/a/x"), app.body_limit("/b"), app.body_limit("/zzz")) == (100, 1000, 65536)
    for size, status in ((100, 200), (101, 413)):
        text = f"POST /a/x HTTP/1.1\nHost: x\nContent-Length: {size}\n\n"
        assert ask(app, connection, text, b"x" * size).status == status
    assert len(desk.calls) == 1


def test_strangers_find_nothing_on_a_plain_listener(app: IngressApp, connection: Connection, desk: Desk) -> None:
    connection.address = "192.0.2.1"
    for path in ("/a/x", "/healthz"):
        assert ask(app, connection, f"GET {path} HTTP/1.1\nHost: x\n\n").status == 404
    assert desk.calls == []
