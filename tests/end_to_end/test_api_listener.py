"""The API on the real operators' listener: what HTTP itself refuses, tokens, and many requests at once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from engage_server.web.api.routes.table import ROUTES
from tests.support.api_requests import path_of
from tests.support.api_server import ApiServer, api_server
from tests.support.api_wire import chain_in, exchange, send
from tests.support.commands import engage, ok
from tests.support.following import new_chain
from tests.support.running import eventually

API = "/api/v1"
STAGE = f"{API}/sites/main/releases"
USUAL = 256 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("api")) as server:
        yield server


def head_of(server: ApiServer, request_line: str, *fields: str, role: str = "operator") -> tuple[int, str, str]:
    """Status, header and body for a request without a body."""
    lines = [f"{request_line} HTTP/1.1", "Host: localhost", "Connection: close", *fields]
    lines += [f"Authorization: Bearer {server.tokens[role]}"] if role else []
    (told,) = exchange(server.pair, "\r\n".join(lines) + "\r\n\r\n")
    head, _, body = told.partition("\r\n\r\n")
    return int(head.split()[1]), head, body


@pytest.mark.parametrize(
    ("request_line", "fields", "status", "code"),
    [
        (f"GET {API}/nothing", (), 404, "address.not_found"),
        (f"GET {API}", (), 404, "address.not_found"),
        (f"GET {API}/sites/", (), 404, "address.not_found"),
        (f"GET {API}//sites", (), 404, "address.not_found"),
        (f"DELETE {API}/sites", (), 405, "request.method"),
        (f"OPTIONS {API}/sites", (), 405, "request.method"),
        (
            f"OPTIONS {STAGE}",
            ("Origin: http://localhost", "Access-Control-Request-Method: POST"),
            405,
            "request.method",
        ),
        (f"BREW {API}/sites", (), 405, "request.method"),
        (f"GET {API}/sites?x={'a' * 5000}", (), 414, "request.target_too_long"),
        (f"GET {API}/sites", (f"X: {'a' * 9000}",), 431, "request.header_too_large"),
        (f"POST {STAGE}", ("Transfer-Encoding: gzip, chunked",), 501, "request.transfer_coding"),
        (f"POST {STAGE}", ("Content-Length: 99999999",), 413, "request.too_large"),
        (f"POST {STAGE}", ("Content-Length: 99999999", "Expect: 100-continue"), 413, "request.too_large"),
        (f"POST {STAGE}", ("Expect: tea",), 417, "request.expectation"),
        (f"GET {API}/sites", ("Host: evil.example",), 400, "request.malformed"),
    ],
)
def test_what_http_refuses_is_a_problem(
    server: ApiServer, request_line: str, fields: tuple[str, ...], status: int, code: str
) -> None:
    found, head, body = head_of(server, request_line, *fields)
    assert found == status
    assert "\r\nContent-Type: application/problem+json\r\n" in head
    assert "access-control" not in head.lower()
    said = json.loads(body)
    assert (said["status"], said["code"]) == (status, code)
    assert said["next_step"]


def test_head_is_get_without_a_body(server: ApiServer) -> None:
    told = send(server.pair, server.tokens["viewer"], "GET", f"{API}/sites/main")
    status, head, body = head_of(server, f"HEAD {API}/sites/main")
    assert (status, body) == (200, "")
    assert f"ETag: {told.fields['ETag']}" in head
    assert f"Content-Length: {len(told.text)}" in head


def test_a_body_is_asked_for_before_it_is_sent(server: ApiServer) -> None:
    body = json.dumps({"pem": "x"})
    fields = f"Authorization: Bearer {server.tokens['operator']}\r\nIdempotency-Key: {'k' * 9}\r\nConnection: close"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue"
    first, second = exchange(
        server.pair, f"POST {STAGE} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n{kind}\r\n\r\n", body
    )
    assert first.startswith("HTTP/1.1 100 Continue\r\n")
    assert second.startswith("HTTP/1.1 422 ")
    assert '"code": "content.no_certificate"' in second


def test_a_body_may_be_as_long_as_the_route_says(server: ApiServer) -> None:
    """What the route itself refuses was read; what the listener refuses was not."""
    operator = server.tokens["operator"]
    for route in {route.path: route for route in ROUTES if route.body is not None}.values():
        most = max(each.body_bytes for each in ROUTES if each.path == route.path)
        for size, is_read in ((most, True), (max(most, USUAL) + 1, False)):
            told = send(server.pair, operator, route.method, f"{API}{path_of(route)}", b" " * size)
            assert told.status in ((400, 403, 404, 413, 415, 422, 428) if is_read else (413, 0)), (
                route.name,
                told.status,
            )
            assert is_read is ("request.too_large" not in told.text and told.status != 0), route.name
    told = send(server.pair, operator, "POST", f"{API}/nothing", b" " * (USUAL + 1))
    assert told.status in (413, 0), "no other address takes more than a device's listener"


def test_tokens(server: ApiServer) -> None:
    pair, viewer = server.pair, server.tokens["viewer"]
    caller = f"{API}/caller"
    assert send(pair, viewer, "GET", caller).json["name"] == "token viewer"
    foreign = f"engage_{'0' * 12}_{'0' * 64}_00000000"
    for wrong in ("x", viewer[:-1], viewer[:40], f"{viewer}0", viewer.upper(), foreign):
        told = send(pair, wrong, "GET", caller)
        assert (told.status, told.json["code"]) == (401, "token.malformed"), wrong
        assert told.fields["WWW-Authenticate"].startswith("Bearer")
        assert wrong not in told.text or wrong == "x"
    assert send(pair, "", "GET", caller).json["code"] == "token.missing"
    made = ok(engage(server.folder, "token", "add", "short", "--role", "viewer")).strip()
    assert send(pair, made, "GET", caller).status == 200
    ok(engage(server.folder, "token", "revoke", "short"))
    told = send(pair, made, "GET", caller)
    assert (told.status, told.json["code"]) == (401, "token.revoked"), "at once: nobody remembers a token"


def test_a_token_in_an_address_is_refused_everywhere_and_in_no_log(server: ApiServer) -> None:
    token = server.tokens["admin"]
    secret = token.split("_")[2]
    for path in ("/metrics", f"{API}/caller", "/sign-in", "/", "/healthz", "/nothing", f"{API}/openapi.json"):
        for address in (f"{path}?access_token={token}", f"{path}?{token}", f"{path.rstrip('/')}/{token}"):
            told = send(server.pair, token, "GET", address)
            assert (told.status, told.json["code"]) == (400, "token.in_query"), address
            assert secret not in told.text
    send(server.pair, "", "GET", f"{API}/caller?hush=hush")
    send(server.pair, "x", "GET", f"{API}/sites?cursor=hush", Cookie="engage=hush")
    eventually(lambda: server.pair.log.count(f'"{API}/sites"') >= 1, "logged")
    assert secret not in server.pair.log
    assert "hush" not in server.pair.log, "queries are in no log"
    assert not [each for each in server.tokens.values() if each.split("_")[2] in server.pair.log]


def test_fifty_equal_requests_at_once_stage_one_release(server: ApiServer) -> None:
    body = chain_in(new_chain(server.folder, "fifty"))
    before = len(send(server.pair, server.tokens["viewer"], "GET", STAGE).json["items"])

    def stage(_number: int) -> tuple[int, str]:
        told = send(server.pair, server.tokens["operator"], "POST", STAGE, body, Idempotency_Key="fifty-at-once")
        return told.status, told.json.get("code") or told.fields["Location"]

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(stage, range(50)))
    numbers = {said for status, said in answers if status == 201}
    assert numbers == {f"{STAGE}/{before + 1}"}
    # who comes while another is at work comes again later, or finds the queue full
    assert {each for each in answers if each[0] != 201} <= {(409, "idempotency.in_progress"), (503, "server.busy")}
    assert len(send(server.pair, server.tokens["viewer"], "GET", STAGE).json["items"]) == before + 1
    again = send(server.pair, server.tokens["operator"], "POST", STAGE, body, Idempotency_Key="fifty-at-once")
    assert (again.status, again.fields["Idempotent-Replayed"]) == (201, "true")
