"""The operators' listener: which hosts it answers for, whose requests may change something, and its problems."""

import json
import logging

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.test import TestResponse

from engage_server.errors import (
    Conflict,
    EngageError,
    NotFound,
    Refused,
    StoreNotUsable,
    UpstreamAway,
    UsageError,
)
from engage_server.records import Host
from engage_server.services.distribution.lookup import Distribution
from engage_server.web import browser_guard, problems
from engage_server.web.operators import bearer_token, create_operators_app
from engage_server.web.secret_addresses import shown_path
from tests.support.world import World

HOSTS = tuple(map(Host, ("localhost", "127.0.0.1", "::1", "engage.example.org")))
ADDRESSES = (
    ("GET", "/metrics", 200),
    ("HEAD", "/metrics", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 503),
    ("GET", "/", 404),
    ("GET", "/nothing", 404),
    ("GET", "//metrics", 404),
    ("POST", "/metrics", 405),
    ("OPTIONS", "/metrics", 405),
    ("BREW", "/metrics", 405),
    ("BREW", "/nothing", 404),
    ("POST", "/change", 200),
    ("GET", "/defect", 500),
)
FOREIGN = (
    "evil.example",
    "evil.example:8008",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.localhost",
    "127.0.0.2",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0.0.0.0",  # a browser may send it
    "[::]",
    "[::2]",
    "[::ffff:10.0.0.1]",
    "::1",
    "[::1",
    "[::1%25eth0]",
    "localhost..",
    "localhost, evil.example",
    "localhost evil.example",
    "evil@localhost",
    "localhost@evil.example",
    "localhost:80:80",
    "localhost:x",
    "http://localhost",
    "localhost/",
    "localhos\xb5",
    "%6cocalhost",
    "*",
)
OURS = (
    "localhost",
    "LocalHost",
    "localhost.",
    "localhost:8008",
    "localhost:9",
    "localhost:",
    "127.0.0.1",
    "127.0.0.1:65535",
    "[::1]",
    "[0:0::1]:8008",
    "ENGAGE.example.org.:443",
)
FIELDS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def app_with(*, secure: bool = False, behind_proxy: bool = False, distribution: Distribution | None = None) -> Flask:
    """The listener with a route that changes something, a page, and a defect."""

    def assert_may_see(token: str) -> None:
        if token == "wrong":
            raise Refused("there is no such token", "Make one.", code="token.wrong")

    app = create_operators_app(
        distribution or Distribution(),
        lambda: b"a 1\n",
        HOSTS,
        process=1,
        secure=secure,
        behind_proxy=behind_proxy,
        assert_may_see_metrics=assert_may_see,
    )
    app.logger.setLevel(logging.CRITICAL)

    @app.post("/change", provide_automatic_options=False)
    def change() -> str:
        return "changed"

    @app.get("/page", provide_automatic_options=False)
    def page() -> Response:
        return Response("<p>", headers={"Content-Security-Policy": "default-src 'self'"})

    @app.get("/defect", provide_automatic_options=False)
    def defect() -> str:
        raise ZeroDivisionError("hush")

    return app


@pytest.fixture(scope="module")
def app() -> Flask:
    return app_with()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, method: str, path: str, host: str = "localhost", **fields: str) -> TestResponse:
    """With this Host field to the letter."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return client.open(path, method=method, headers=named, environ_overrides={"HTTP_HOST": host, "PATH_INFO": path})


def code_of(answer: TestResponse) -> str:
    """The code of a problem, whose form is checked."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = json.loads(answer.data)
    assert list(found) == ["type", "title", "status", "detail", "code", "next_step"]
    assert found["status"] == answer.status_code
    assert found["title"] == answer.status.partition(" ")[2]
    assert found["next_step"]
    return str(found["code"])


class TestHosts:
    @pytest.mark.parametrize("host", FOREIGN)
    def test_another_host_gets_nothing_at_any_address(self, client: FlaskClient, host: str) -> None:
        for method, path, _ in ADDRESSES:
            answer = ask(client, method, path, host)
            assert answer.status_code == 421, (method, path)
            if method != "HEAD":
                assert code_of(answer) == "host.not_listed"
                assert "operators_hosts" in json.loads(answer.data)["next_step"]

    @pytest.mark.parametrize("host", OURS)
    def test_a_listed_host_gets_everything(self, client: FlaskClient, host: str) -> None:
        for method, path, status in ADDRESSES:
            assert ask(client, method, path, host).status_code == status, (method, path)

    def test_no_host_at_all(self, client: FlaskClient) -> None:
        answer = ask(client, "GET", "/metrics", "")
        assert (answer.status_code, code_of(answer)) == (400, "request.host")

    def test_the_answer_names_only_a_host_that_can_be_one(self, client: FlaskClient) -> None:
        assert "'evil.example'" in ask(client, "GET", "/", "evil.example").text
        assert "<" not in ask(client, "GET", "/", "<script>").text

    @given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40))
    def test_whatever_passes_is_one_of_the_list(self, field: str) -> None:
        host = browser_guard.host_in(field)
        if host in HOSTS:
            name = field.lower().rpartition(":")[0] if not field.endswith("]") and ":" in field else field.lower()
            assert Host.parse(name) == host


class TestOrigins:
    @pytest.mark.parametrize(
        ("secure", "host", "fields", "passes"),
        [
            (False, "localhost:8008", {}, True),  # no browser
            (False, "localhost:8008", {"Origin": "http://localhost:8008"}, True),
            (False, "localhost:8008", {"Origin": "http://localhost:8008", "Sec_Fetch_Site": "same-origin"}, True),
            (False, "localhost:8008", {"Origin": "null", "Sec_Fetch_Site": "same-origin"}, True),
            (False, "localhost:8008", {"Sec_Fetch_Site": "none"}, True),
            (False, "[::1]:8008", {"Origin": "http://[::1]:8008"}, True),
            (False, "localhost", {"Origin": "http://localhost"}, True),
            (False, "localhost", {"Origin": "http://localhost:80"}, True),
            (True, "engage.example.org", {"Origin": "https://engage.example.org"}, True),
            (True, "engage.example.org:443", {"Origin": "https://engage.example.org"}, True),
            (False, "localhost:8008", {"Origin": "http://localhost:8009"}, False),  # another program of this machine
            (False, "localhost:8008", {"Origin": "http://localhost"}, False),
            (False, "localhost:8008", {"Origin": "https://localhost:8008"}, False),
            (False, "localhost:8008", {"Origin": "http://127.0.0.1:8008"}, False),
            (False, "localhost:8008", {"Origin": "http://evil.example"}, False),
            (False, "localhost:8008", {"Origin": "null"}, False),
            (False, "localhost:8008", {"Origin": ""}, False),
            (False, "localhost:8008", {"Origin": "http://localhost:8008/"}, False),
            (False, "localhost:8008", {"Origin": "http://localhost:8008,http://evil.example"}, False),
            (False, "localhost:8008", {"Origin": "http://[::1"}, False),
            (False, "localhost:8008", {"Sec_Fetch_Site": "same-site"}, False),
            (False, "localhost:8008", {"Sec_Fetch_Site": "cross-site"}, False),
            (False, "localhost:8008", {"Origin": "null", "Sec_Fetch_Site": "cross-site"}, False),
            (False, "localhost:8008", {"Origin": "http://localhost:8008", "Sec_Fetch_Site": "cross-site"}, False),
            (False, "localhost:8008", {"Origin": "http://evil.example", "Sec_Fetch_Site": "same-origin"}, False),
            (False, "localhost:8008", {"Cookie": "engage=x"}, False),
            (True, "engage.example.org", {"Origin": "http://engage.example.org"}, False),
            (True, "engage.example.org", {"Origin": "https://engage.example.org:8443"}, False),
        ],
    )
    def test_only_our_own_pages_change_something(
        self, secure: bool, host: str, fields: dict[str, str], passes: bool
    ) -> None:
        client = app_with(secure=secure).test_client(use_cookies=False)
        answer = ask(client, "POST", "/change", host, **fields)
        if passes:
            assert (answer.status_code, answer.text) == (200, "changed")
        else:
            assert (answer.status_code, code_of(answer)) == (403, "access.origin")

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
    def test_every_other_method_is_unsafe(self, client: FlaskClient, method: str) -> None:
        assert ask(client, method, "/nothing", Origin="http://evil.example").status_code == 403

    def test_a_link_on_another_page_can_be_followed(self, client: FlaskClient) -> None:
        assert ask(client, "GET", "/page", Origin="http://evil.example", Sec_Fetch_Site="cross-site").status_code == 200

    def test_no_other_origin_is_ever_allowed_to_read(self, client: FlaskClient) -> None:
        asked = {"Origin": "http://evil.example", "Access_Control_Request_Method": "POST"}
        for method in ("OPTIONS", "GET", "POST"):
            found = ask(client, method, "/change", **asked).headers
            assert not [name for name in found.keys() if name.lower().startswith("access-control")]  # noqa: SIM118


class TestTokensInAddresses:
    """Proxies, browsers and logs keep addresses."""

    @pytest.mark.parametrize(
        "address",
        [
            "?token=engage_0123456789ab_cd",
            "?x=1&engage_0123456789ab_cd",
            "?x=a%20engage%5f0123456789ab%5Fcd",
            "?X=ENGAGE_0123456789AB_CD",
            "/engage_0123456789ab_cd",
        ],
    )
    @pytest.mark.parametrize("path", ["/metrics", "/healthz", "/nothing", "/page", "/api/v1/sites"])
    def test_it_is_refused_everywhere(self, client: FlaskClient, path: str, address: str) -> None:
        answer = client.get(f"{path}{address}", headers={"Authorization": "Bearer right"})
        assert (answer.status_code, code_of(answer)) == (400, "token.in_query")
        assert "0123456789ab" not in answer.text

    @pytest.mark.parametrize("query", ["", "?x=engage", "?engage_release_current=1", "?token=0123456789ab"])
    def test_the_control(self, client: FlaskClient, query: str) -> None:
        assert client.get(f"/metrics{query}").status_code == 200

    @pytest.mark.parametrize(
        ("endpoint", "path", "shown"),
        [
            ("sign_in.link", "/sign-in/secret", "/sign-in/***"),
            ("none", "/x/engage_0123456789ab_cd", "/***"),
            ("none", "/x/%65ngage_0123456789ab_cd", "/***"),
            ("none", "/x/engage_metrics", "/x/engage_metrics"),
            ("metrics", "/metrics", "/metrics"),
        ],
    )
    def test_the_log_does_not_show_it(self, endpoint: str, path: str, shown: str) -> None:
        assert shown_path(endpoint, path) == shown


class TestFields:
    @pytest.mark.parametrize("host", ["localhost", "evil.example", ""])
    def test_every_answer_has_them(self, client: FlaskClient, host: str) -> None:
        for method, path, _ in (*ADDRESSES, ("GET", "/page", 200)):
            found = ask(client, method, path, host).headers
            assert {name: found.get(name) for name in FIELDS} == FIELDS, (method, path)
            assert found["Content-Security-Policy"].startswith("default-src")

    def test_a_page_has_its_own_policy(self, client: FlaskClient) -> None:
        assert ask(client, "GET", "/page").headers["Content-Security-Policy"] == "default-src 'self'"
        assert "default-src 'none'" in ask(client, "GET", "/metrics").headers["Content-Security-Policy"]


class TestProblems:
    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/nothing", 404, "address.not_found"),
            ("POST", "/metrics", 405, "request.method"),
            ("GET", "/defect", 500, "server.defect"),
            ("GET", "/readyz", 503, "release.none_current"),
        ],
    )
    def test_of_the_listener(self, client: FlaskClient, method: str, path: str, status: int, code: str) -> None:
        answer = ask(client, method, path)
        assert (answer.status_code, code_of(answer)) == (status, code)
        assert "hush" not in answer.text

    def test_what_http_demands_of_some(self, client: FlaskClient) -> None:
        assert ask(client, "POST", "/metrics").headers["Allow"] == "GET, HEAD"
        assert ask(client, "GET", "/readyz").headers["Retry-After"] == "5"

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (NotFound("a", "b", code="site.not_found"), 404, "site.not_found"),
            (Conflict("a", "b", code="release.changed"), 409, "release.changed"),
            (UsageError("a", "b"), 400, "usage"),
            (Refused("a", "b", code="release.findings"), 422, "release.findings"),
            (Refused("a", "b", code="access.role"), 403, "access.role"),
            (Refused("a", "b", code="token.ended"), 401, "token.ended"),
            (StoreNotUsable("a", "b"), 503, "store.not_usable"),
            (RequestEntityTooLarge(), 413, "request.too_large"),
            (UnsupportedMediaType(), 415, "request.media_type"),
            (BadRequest(), 400, "request.malformed"),
        ],
    )
    def test_of_errors(self, error: EngageError, status: int, code: str) -> None:
        app = app_with()

        @app.get("/fails")
        def fails() -> str:
            raise error

        answer = ask(app.test_client(), "GET", "/fails")
        assert (answer.status_code, code_of(answer)) == (status, code)
        assert ("WWW-Authenticate" in answer.headers) is (status == 401)
        assert ("Retry-After" in answer.headers) is (status == 503)

    def test_a_system_that_says_when_to_come_back(self) -> None:
        answer = problems.of_error(UpstreamAway("a", "b", retry_seconds=77))
        assert answer.headers["Retry-After"] == "77"

    @pytest.mark.parametrize("status", [400, 404, 405, 413, 414, 415, 417, 431, 500, 501, 503, 418])
    def test_each_status_has_one(self, status: int) -> None:
        found = json.loads(problems.of_status(status).data)
        assert found["status"] == status
        assert found["detail"]
        assert found["next_step"]


class TestMetrics:
    def test_they_are_shown(self, client: FlaskClient) -> None:
        answer = ask(client, "GET", "/metrics")
        assert answer.data == b"a 1\n"
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"

    def test_a_token_is_handed_on(self, client: FlaskClient) -> None:
        answer = ask(client, "GET", "/metrics", Authorization="Bearer wrong")
        assert (answer.status_code, code_of(answer)) == (401, "token.wrong")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="engage"'

    @pytest.mark.parametrize(
        ("field", "token"),
        [
            ("Bearer a_b", "a_b"),
            ("bearer  a_b ", "a_b"),
            ("Basic a_b", ""),
            ("Bearer", ""),
            ("", ""),
            ("Bearera_b", ""),
        ],
    )
    def test_how_it_is_read(self, app: Flask, field: str, token: str) -> None:
        with app.test_request_context(headers={"Authorization": field}):
            assert bearer_token() == token

    def test_never_from_the_query(self, app: Flask) -> None:
        with app.test_request_context("/metrics?access_token=a&token=b"):
            assert request.args
            assert bearer_token() == ""


@pytest.mark.parametrize(
    ("behind_proxy", "field", "address"),
    [
        (False, "203.0.113.7", "127.0.0.1"),
        (True, "203.0.113.7", "203.0.113.7"),
        (True, "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first was written by the caller
        (True, "", "127.0.0.1"),
    ],
)
def test_who_calls_through_a_proxy(behind_proxy: bool, field: str, address: str) -> None:
    """Sign-ins are limited by the caller's address: behind a proxy, all would have one."""
    app = app_with(behind_proxy=behind_proxy)

    @app.get("/who")
    def who() -> str:
        return str(request.environ["REMOTE_ADDR"])

    assert ask(app.test_client(), "GET", "/who", X_Forwarded_For=field).text == address


def test_ready_when_there_is_a_release(world: World) -> None:
    world.add_site()
    world.release()
    client = app_with(distribution=world.distribution()).test_client()
    answer = ask(client, "GET", "/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})
