"""The device listeners' app: its whole URL map, its answers, whom it believes."""

import json
import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient

from engage_server.protocol.notice import digest_of
from engage_server.records import Host, IPNetwork, read_network
from engage_server.services.distribution.lookup import Distribution
from engage_server.web.app import create_app
from tests.support.world import World

NOTICE = "/swordfish/lock/certificates/current"


@pytest.fixture
def app(world: World) -> Flask:
    world.add_site()
    world.release()
    distribution = world.distribution()
    return create_app(distribution, call_ins=world.call_ins(distribution))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_whole_url_map(app: Flask) -> None:
    """Invariant 6: the device listeners serve devices only. A new route must be written down here."""
    found = {(rule.rule, frozenset(rule.methods or ())) for rule in app.url_map.iter_rules()}
    both = frozenset({"GET", "HEAD"})
    assert found == {
        (NOTICE, both),
        ("/certificates/<digest>.der", both),
        ("/healthz", both),
        ("/readyz", both),
        ("/static/Device_Certificates/<name>", both),
        ("/swordfish/lock/<any_case_config:config>", frozenset({"PUT"})),
        ("/swordfish/lock/db/<since>", both),
        ("/swordfish/lock/audit", frozenset({"POST"})),
        ("/swordfish/lock/alert", frozenset({"POST"})),
        ("/api/credentials/scan", frozenset({"POST"})),
        ("/api/credentials", frozenset({"POST"})),
        ("/api/credentials/status", frozenset({"POST"})),
    }


def test_the_notice(client: FlaskClient, world: World) -> None:
    release = world.store.release("main", 1)
    answer = client.get(NOTICE, headers={"Host": "locks.example.org:8080"})
    url = f"http://locks.example.org:8080/certificates/{digest_of(release.anchor_der)}.der"
    assert answer.data == f'{{"cert_url":"{url}","hash":"{release.anchor_hash}"}}'.encode()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(answer.data))


def test_the_der(client: FlaskClient, world: World) -> None:
    release = world.store.release("main", 1)
    answer = client.get(f"/certificates/{digest_of(release.anchor_der)}.der")
    assert answer.data == release.anchor_der
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Length"] == str(len(release.anchor_der))


@pytest.mark.parametrize(
    "query",
    [
        "serialNumber=AAAAAAAAAACgsQAAAAACBg==&hashType=primary&v=2",
        "serialNumber=%00%ff&serialNumber=&hashType=secondary&v=99&x",
        "&&&===",
        "%",
        "serialNumber=" + "A" * 3000,
    ],
)
def test_no_query_makes_it_refuse(client: FlaskClient, query: str) -> None:
    assert client.get(f"{NOTICE}?{query}").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Device abc"},
        {"Accept": "text/html"},
        {"Host": ""},
        {"Host": "bad host"},
        {"Host": "<script>"},
        {"Host": "a" * 300},
        {"If-None-Match": "*"},
        {"Range": "bytes=0-1"},
        {"Accept-Encoding": "gzip"},
        {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"},
        {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
        {"Connection": "upgrade", "Upgrade": "TLS/1.2, HTTP/2.0"},
    ],
)
def test_no_header_makes_it_refuse(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get(NOTICE, headers=headers)
    assert answer.status_code == 200
    assert json.loads(answer.data)["hash"]
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    "spelling",
    [
        "xn--schlsser-q4a.example.org",
        "schlösser.example.org".encode().decode("latin-1"),  # raw UTF-8, as WSGI hands it on
        "SCHLÖSSER.example.org:80".encode().decode("latin-1"),
        "schl%C3%B6sser.example.org",
        "schl%c3%b6sser.example.org.:8080",
    ],
)
def test_an_international_site_is_found_in_each_spelling(world: World, spelling: str) -> None:
    world.add_site()
    world.release()
    world.add_site("castle", (Host.parse("schlösser.example.org"),))
    world.release("castle")
    client = create_app(world.distribution()).test_client()
    answer = client.get(NOTICE, headers={"Host": spelling})
    assert json.loads(answer.data)["cert_url"].startswith("http://xn--schlsser-q4a.example.org:8080/")
    other = client.get(NOTICE, headers={"Host": "schl\xf6sser.example.org"})  # Latin-1, which is no UTF-8
    assert json.loads(other.data)["cert_url"].startswith("http://locks.example.org:8080/"), "the default site answers"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", NOTICE + "/"),
        ("GET", "//swordfish/lock/certificates/current"),
        ("GET", "/swordfish//lock/certificates/current"),
        ("GET", "/SWORDFISH/lock/certificates/current"),
        ("GET", "/certificates/"),
        ("GET", "/certificates/x.der"),
        ("GET", "/certificates/a/b.der"),
        ("GET", "/certificates/%2e%2e/engage.db.der"),
        ("GET", "/static/x"),
        ("GET", "/metrics"),
        ("POST", NOTICE),
        ("PUT", "/swordfish/lock/Config"),
        ("OPTIONS", NOTICE),
        ("DELETE", "/healthz"),
        ("TRACE", NOTICE),
    ],
)
def test_anything_else_is_not_there(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == 404
    assert answer.data == b'{"error":"not found"}'
    assert answer.headers["Content-Type"] == "application/json"
    assert "Location" not in answer.headers
    assert "Allow" not in answer.headers


def test_head_is_get_without_the_body(client: FlaskClient) -> None:
    for path in (NOTICE, "/healthz", "/readyz"):
        full, head = client.get(path), client.head(path)
        assert head.data == b""
        assert head.headers["Content-Length"] == str(len(full.data))
        assert head.status_code == full.status_code


def test_health_before_and_after_the_first_release(world: World) -> None:
    client = create_app(Distribution()).test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get(NOTICE).status_code == 503
    world.add_site()
    world.release()
    client = create_app(world.distribution()).test_client()
    assert client.get("/readyz").status_code == 200
    assert b"main" not in client.get("/readyz").data


def test_a_defect_shows_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_arguments: object) -> bytes:
        raise RuntimeError("the inside")

    monkeypatch.setattr(Distribution, "notice", broken)
    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get(NOTICE)
    assert answer.status_code == 500
    assert answer.data == b'{"error":"internal error"}'
    assert "the inside" in caplog.text


def _networks(text: str) -> list[IPNetwork]:
    return [read_network(text)] if text else []


class TestNetworks:
    """Sites that answer their own networks alone, and proxies in front."""

    @pytest.fixture
    def world(self, world: World) -> World:
        world.add_site(networks=("10.1.0.0/16",))
        world.release()
        return world

    def _status(self, world: World, path: str, address: str, proxies: str = "", **headers: str) -> int:
        app = create_app(world.distribution(), _networks(proxies))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return app.test_client().get(path, headers=named, environ_base={"REMOTE_ADDR": address}).status_code

    @pytest.mark.parametrize("path", [NOTICE, "/", "/unknown", "DER"])
    def test_strangers_are_unauthorized(self, world: World, path: str) -> None:
        if path == "DER":
            path = f"/certificates/{digest_of(world.store.release('main', 1).anchor_der)}.der"
        assert self._status(world, path, "10.2.0.1") == 401
        assert self._status(world, path, "10.1.0.1") in {200, 404}

    def test_health_answers_everyone(self, world: World) -> None:
        assert self._status(world, "/healthz", "10.2.0.1") == 200
        assert self._status(world, "/readyz", "10.2.0.1") == 200

    @pytest.mark.parametrize(
        ("proxies", "peer", "forwarded", "status"),
        [
            ("", "10.2.0.1", "10.1.0.1", 401),
            ("", "10.1.0.1", "10.2.0.1", 200),
            ("10.2.0.0/16", "10.2.0.1", "10.1.0.1", 200),
            ("10.2.0.0/16", "10.2.0.1", "10.1.0.1, 10.3.0.1", 401),
            ("10.2.0.0/16", "10.2.0.1", "10.9.0.1, 10.1.0.1, 10.2.0.2", 200),
            ("10.2.0.0/16", "10.2.0.1", "10.1.0.1, garbage", 401),
            ("10.2.0.0/16", "10.2.0.1", "", 401),
            ("10.2.0.0/16", "10.3.0.1", "10.1.0.1", 401),
            ("10.2.0.0/16", "::ffff:10.2.0.1", "10.1.0.1", 200),
            ("::ffff:10.2.0.0/112", "10.2.0.1", "10.1.0.1", 200),
            ("10.2.0.0/16", "10.2.0.1", "10.1.0.1:5678", 200),
            ("10.2.0.0/16", "10.2.0.1", "[::ffff:10.1.0.1]:5678", 200),
            ("10.2.0.0/16", "10.2.0.1", "10.1.0.1:1, 10.2.0.2:2", 200),
            ("10.2.0.0/16", "10.2.0.1", "10.1.0.1:1, [2001:db8::1]:2", 401),
            ("10.2.0.0/16", "10.2.0.1", "10.1.0.1:1, [2001:db8::1]:2, 10.2.0.2", 401),
            ("2001:db8:2::/48", "2001:db8:2::1", "10.1.0.1, [2001:db8:2::2]:443", 200),
            ("10.2.0.0/16", "10.2.0.1", "10.1.0.1, unknown", 401),
        ],
    )
    def test_forwarded_addresses_count_from_trusted_proxies_alone(
        self, world: World, proxies: str, peer: str, forwarded: str, status: int
    ) -> None:
        assert self._status(world, NOTICE, peer, proxies, X_Forwarded_For=forwarded) == status

    def test_forwarded_hosts_count_from_trusted_proxies_alone(self, world: World) -> None:
        for proxies, host in (("", "localhost"), ("10.1.0.0/16", "10.44.68.128")):
            app = create_app(world.distribution(), _networks(proxies))
            answer = app.test_client().get(
                NOTICE,
                headers={"Host": "localhost", "X-Forwarded-Host": "x, 10.44.68.128:80"},
                environ_base={"REMOTE_ADDR": "10.1.0.1"},
            )
            assert json.loads(answer.data)["cert_url"].startswith(f"http://{host}:8080/")
