"""What the quick way recognises, and that it says what the Flask view says."""

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from engage_server.services.distribution.snapshot import ServedAnswer
from engage_server.serving.worker.answers.prepared_answers import PreparedAnswers
from engage_server.web.app import create_app
from tests.fuzz.requests import QUERY, FuzzedServer
from tests.support.lengths import spread
from tests.support.running import NOTICE
from tests.support.world import World


def _request(text: str, server: FuzzedServer) -> bytes:
    return text.replace("DER", f"/certificates/{server.digest}.der").replace("\n", "\r\n").encode("latin-1")


_PATHS = (NOTICE, NOTICE + QUERY, f"{NOTICE}?", f"{NOTICE}?%zz&&=", "DER", "DER?x=1")
_HOSTS = ("locks.example.org", "LOCKS.example.org:8080", "10.44.68.128", "[::1]:80", "nobody", "")
_MORE = (
    *("", "Connection: close\n", "connection:close\n", "Connection: Keep-Alive\n"),
    *("User-Agent: x/1 (y)\nAccept: */*\nAccept-Encoding: gzip\n", "Connection: keep-alive\nConnection: close\n"),
)


@pytest.mark.parametrize(
    ("method", "path", "host", "more"), spread(product(("GET", "HEAD"), _PATHS, _HOSTS, _MORE), every=5)
)
def test_the_prepared_answer_is_the_views_to_the_byte(
    server: FuzzedServer, method: str, path: str, host: str, more: str
) -> None:
    """Header by header and body: status line, order and spelling of the fields, everything but the date."""
    assert server.assert_the_same_as_the_app(_request(f"{method} {path} HTTP/1.1\nHost: {host}\n{more}\n", server))


@pytest.mark.parametrize(
    "text",
    [
        f"GET {NOTICE} HTTP/1.0\nHost: x\n\n",
        f"get {NOTICE} HTTP/1.1\nHost: x\n\n",
        f"POST {NOTICE} HTTP/1.1\nHost: x\n\n",
        f"GET {NOTICE}/ HTTP/1.1\nHost: x\n\n",
        f"GET {NOTICE.upper()} HTTP/1.1\nHost: x\n\n",
        f"GET /{NOTICE} HTTP/1.1\nHost: x\n\n",
        f"GET {NOTICE}#x HTTP/1.1\nHost: x\n\n",
        f"GET  {NOTICE} HTTP/1.1\nHost: x\n\n",
        f"GET {NOTICE} HTTP/1.1 \nHost: x\n\n",
        f"GET {NOTICE}?a b HTTP/1.1\nHost: x\n\n",
        f"GET {NOTICE}?\xe4 HTTP/1.1\nHost: x\n\n",
        f"GET http://x{NOTICE} HTTP/1.1\nHost: x\n\n",
        f"GET {NOTICE} HTTP/1.1\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nHost: x\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost : x\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\n folded\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nContent-Length: 0\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nExpect: 100-continue\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nUpgrade: h2c\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nConnection: close, x\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nX-Forwarded-For: 1.2.3.4\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nX-Forwarded-Host: y\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\nUser-Agent: \x01\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\n\nGET {NOTICE} HTTP/1.1\nHost: x\n\n",
        f"\nGET {NOTICE} HTTP/1.1\nHost: x\n\n",
        f"GET {NOTICE} HTTP/1.1\nHost: x\n",
        f"GET {NOTICE}?{'a' * 5000} HTTP/1.1\nHost: x\n\n",
        "GET /healthz HTTP/1.1\nHost: x\n\n",
        "GET /certificates/DEADBEEF.der HTTP/1.1\nHost: x\n\n",
    ],
)
def test_what_is_not_exactly_a_devices_request_is_handed_over(server: FuzzedServer, text: str) -> None:
    assert server.prepared.recognise(_request(text, server)) is None


def test_bare_line_feeds_are_not_recognised(server: FuzzedServer) -> None:
    assert server.prepared.recognise(f"GET {NOTICE} HTTP/1.1\nHost: x\n\n".encode()) is None


def test_what_the_distribution_refuses_is_handed_over(server: FuzzedServer) -> None:
    request = server.prepared.recognise(b"GET /certificates/%b.der HTTP/1.1\r\nHost: x\r\n\r\n" % (b"0" * 32))
    assert request is not None
    assert server.prepared.answer(request, "192.0.2.1") is None


def test_the_quick_way_knows_the_paths_of_the_url_map_alone(world: World) -> None:
    """A route that is no longer in the app's map is no longer recognised either."""
    app = create_app(world.distribution())
    request = f"GET {NOTICE} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert PreparedAnswers(app, world.distribution()).recognise(request) is not None
    rules = [rule.empty() for rule in app.url_map.iter_rules() if rule.rule != NOTICE]
    app.url_map = type(app.url_map)(rules)
    assert PreparedAnswers(app, world.distribution()).recognise(request) is None


def test_a_snapshot_that_was_never_prepared_is_the_apps_business(world: World) -> None:
    """Nothing stale: an answer is of the very snapshot that is served, or is not given here."""
    world.add_site()
    world.release()
    fresh = PreparedAnswers(create_app(world.distribution()), world.distribution())
    request = fresh.recognise(f"GET {NOTICE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert request is not None
    assert fresh.answer(request, "192.0.2.1") is None


@pytest.fixture
def own_server(world: World) -> Iterator[FuzzedServer]:
    """One whose snapshot a test may exchange."""
    server = FuzzedServer(world)
    yield server
    server.close()


def test_what_is_kept_of_a_request_ends_with_its_snapshot(own_server: FuzzedServer) -> None:
    """Also when it was asked for many times, among more requests than are kept."""
    texts = [f"GET {NOTICE}?n={number} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for number in range(600)]
    requests = [found for found in map(own_server.prepared.recognise, texts) if found is not None]
    before = [own_server.prepared.answer(request, "192.0.2.1") for request in requests * 2]
    assert len(before) == 1200
    assert len({id(found.served) for found in before if found is not None}) == 1
    now = own_server.distribution.snapshot
    notice = ServedAnswer(b"{}", "main", 2)
    release = replace(now.current["main"], notice=notice, notices={"any.example.org": notice})
    later = replace(now, current={"main": release})
    own_server.prepared.prepare(later)
    own_server.distribution.publish(later)
    after = [own_server.prepared.answer(request, "192.0.2.1") for request in reversed(requests)]
    assert {found.served for found in after if found is not None} == {release.notice}
    assert None not in after


def test_where_addresses_matter_each_is_looked_at(own_server: FuzzedServer) -> None:
    request = own_server.prepared.recognise(f"GET {NOTICE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert request is not None
    assert own_server.prepared.answer(request, "198.51.100.1") is not None
    limited = replace(own_server.distribution.snapshot, networks={"main": [ipaddress.ip_network("192.0.2.0/24")]})
    own_server.distribution.publish(limited)
    for _ in range(2):
        assert own_server.prepared.answer(request, "192.0.2.1") is not None
        assert own_server.prepared.answer(request, "198.51.100.1") is None
    nobodys = replace(own_server.distribution.snapshot, networks={}, by_local_address={"10.0.0.9": "nobody"})
    own_server.distribution.publish(nobodys)
    for _ in range(2):
        assert own_server.prepared.answer(request, "192.0.2.1", "10.0.0.1") is not None
        assert own_server.prepared.answer(request, "192.0.2.1", "10.0.0.9") is None
