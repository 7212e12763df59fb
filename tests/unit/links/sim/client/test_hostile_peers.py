"""Answers that are wrong on purpose: elsewhere, slow, cut off, endless, no JSON. The token goes nowhere else."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.errors import EngageError, NotPossible, Refused, UpstreamAway, UpstreamSilent
from engage_server.links.sim.account import Acted, Values
from engage_server.links.sim.client.account import ContractAccount
from engage_server.links.sim.operations import Operation
from tests.support.sim.accounts import CLIENT_SECRET, ICCID, Hours, account_at
from tests.support.sim.raw import RawPeer, http

SET: tuple[Operation, Values] = (Operation.THINGS_SET_STATE, {"thing": ICCID, "state": "ACTIVE"})
CANARIES = (CLIENT_SECRET, "canary-of-a-token", "canary%3A+secret")


@pytest.fixture
def peer() -> Iterator[RawPeer]:
    with RawPeer() as peer:
        yield peer


@pytest.fixture
def elsewhere() -> Iterator[RawPeer]:
    with RawPeer() as peer:
        yield peer


@pytest.fixture
def account(tmp_path: Path, peer: RawPeer) -> ContractAccount:
    return account_at(tmp_path, peer.url, Hours(), more="timeout_seconds = 1")


def said(error: EngageError) -> str:
    """All that a person reads."""
    return f"{error.sentence}\n{error.next_step}"


def test_a_redirect_to_another_host_is_not_followed(
    account: ContractAccount, peer: RawPeer, elsewhere: RawPeer
) -> None:
    peer.answer = lambda request: http("302 Found", b"", f"Location: {elsewhere.url}/things/{ICCID}")
    with pytest.raises(NotPossible) as raised:
        account.thing(ICCID)
    assert raised.value.code == "sim.redirected"
    assert elsewhere.got == []
    assert len(peer.asked()) == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}@127.0.0.1:{other}/",
        "//127.0.0.1:{other}/x",
        "https://127.0.0.1:{port}/x",
        "http://localhost:{port}/x",
        "http://user@127.0.0.1:{port}/x",
        "file:///etc/passwd",
        "http://[::1",
        "",
        "/a\tb",
        "\\\\127.0.0.1:{other}\\x",
        "/" + "x" * 3000,
    ],
)
def test_nor_are_addresses_that_only_look_like_ours(
    account: ContractAccount, peer: RawPeer, elsewhere: RawPeer, location: str
) -> None:
    there = location.format(port=peer.port, other=elsewhere.port)
    peer.answer = lambda request: http("302 Found", b"", f"Location: {there}")
    with pytest.raises(EngageError) as raised:
        account.thing(ICCID)
    assert raised.value.code == "sim.redirected"
    assert elsewhere.got == []
    assert len(peer.asked()) == 1


def test_the_control_is_followed(account: ContractAccount, peer: RawPeer) -> None:
    thing = f'{{"iccid": "{ICCID}", "state": "ACTIVE"}}'.encode()
    there = http("302 Found", b"", f"Location: {peer.url}/moved?x=1")
    peer.answer = lambda request: http("200 OK", thing) if b"/moved" in request else there
    assert account.thing(ICCID).thing == ICCID
    assert peer.asked() == [f"GET /things/{ICCID}".encode(), b"GET /moved?x=1"]
    assert b"canary-of-a-token" in peer.got[-1]


def test_what_was_accepted_elsewhere_is_not_looked_for_there(
    account: ContractAccount, peer: RawPeer, elsewhere: RawPeer
) -> None:
    peer.answer = lambda request: http("202 Accepted", b"", f"Location: {elsewhere.url}/operations/1")
    assert account.act(*SET) == Acted(is_accepted=True)
    assert elsewhere.got == []


def test_a_redirect_of_the_call_for_a_token_is_not_followed(
    account: ContractAccount, peer: RawPeer, elsewhere: RawPeer
) -> None:
    peer.token = http("307 Temporary Redirect", b"", f"Location: {elsewhere.url}/oauth/token")
    with pytest.raises(NotPossible) as raised:
        account.thing(ICCID)
    assert raised.value.code == "sim.no_token"
    assert elsewhere.got == []


HTML = b"<!DOCTYPE html><html><body>Sign in: <form><input name=password></form></body></html>"
BROKEN = {
    "html": http("200 OK", HTML, "Content-Type: text/html"),
    "cut off": http("200 OK", b'{"iccid": "1"', "Content-Length: 5000"),
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "no json": http("200 OK", b'{"iccid": 1,'),
    "deep": http("200 OK", b"[" * 100_000),
    "a list": http("200 OK", b"[]"),
    "no identity": http("200 OK", b'{"state": "ACTIVE"}'),
    "identity is an object": http("200 OK", b'{"iccid": {"x": 1}, "state": "ACTIVE"}'),
    "a number too long": http("200 OK", b'{"iccid": ' + b"1" * 10_000 + b"}"),
    "bytes": http("200 OK", bytes(range(256))),
}


@pytest.mark.parametrize("answer", BROKEN)
def test_an_answer_that_is_none_is_an_error_of_a_read(account: ContractAccount, peer: RawPeer, answer: str) -> None:
    peer.answer = lambda request: BROKEN[answer]
    with pytest.raises(UpstreamSilent) as raised:
        account.thing(ICCID)
    assert "<" not in said(raised.value)
    assert not any(each in said(raised.value) for each in CANARIES)
    assert "It may have happened" not in raised.value.next_step


def test_a_web_page_leads_to_base_url(account: ContractAccount, peer: RawPeer) -> None:
    peer.answer = lambda request: BROKEN["html"]
    with pytest.raises(UpstreamSilent, match="answered with a web page") as raised:
        account.thing(ICCID)
    assert raised.value.next_step.startswith("Check base_url")
    peer.answer = lambda request: BROKEN["no json"]
    with pytest.raises(UpstreamSilent) as other:
        account.thing(ICCID)
    assert "base_url" not in other.value.next_step


@pytest.mark.parametrize("answer", ["html", "cut off", "no http", "nothing", "no json", "deep"])
def test_and_of_a_write_which_may_have_happened(account: ContractAccount, peer: RawPeer, answer: str) -> None:
    peer.answer = lambda request: BROKEN[answer]
    with pytest.raises(UpstreamSilent) as raised:
        account.act(*SET)
    assert raised.value.next_step == f"It may have happened. Look before you repeat it: engage sim show {ICCID}"
    assert len(peer.asked()) == 1


def test_a_slow_answer_ends_in_time(tmp_path: Path, peer: RawPeer, elsewhere: RawPeer) -> None:
    token_url = f"{elsewhere.url}/oauth/token"
    account = account_at(tmp_path, peer.url, Hours(), token_url=token_url, more="timeout_seconds = 1")
    peer.answer = lambda request: http("200 OK", b" " * 500)
    peer.seconds_between = 0.02
    begin = time.monotonic()
    with pytest.raises(UpstreamSilent, match="more than 1 s"):
        account.thing(ICCID)
    assert time.monotonic() - begin < 8


def test_a_giant_answer_is_not_kept(account: ContractAccount, peer: RawPeer) -> None:
    peer.answer = lambda request: http("200 OK", b" " * (17 * 1024 * 1024))
    with pytest.raises(UpstreamSilent, match=r"more than 16777216 bytes|more than 1 s"):
        account.thing(ICCID)


def test_a_system_that_switches_to_another_protocol_gives_no_answer(account: ContractAccount, peer: RawPeer) -> None:
    peer.answer = lambda request: http("101 Switching Protocols", b"", "Upgrade: h2c")
    with pytest.raises(NotPossible, match="answered 101"):
        account.thing(ICCID)


def test_no_host_at_all(tmp_path: Path, peer: RawPeer) -> None:
    account = account_at(tmp_path, "http://127.0.0.1:1", Hours(), token_url=f"{peer.url}/oauth/token")
    with pytest.raises(UpstreamSilent, match="no connection"):
        account.act(*SET)


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found", "500 Oops", "418 Teapot"])
def test_an_error_may_repeat_our_secrets_and_we_do_not(account: ContractAccount, peer: RawPeer, status: str) -> None:
    body = f'{{"title": "no: canary-of-a-token", "detail": "you sent {CLIENT_SECRET}", "x": "\\u001b[2J"}}'.encode()
    peer.answer = lambda request: http(status, body, "Content-Type: application/problem+json")
    with pytest.raises(EngageError, match="It says: no: ") as raised:
        account.act(*SET)
    assert not any(each in said(raised.value) for each in CANARIES)
    assert raised.value.code.startswith("sim.")


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b'{"title": "<script>alert(1)</script>"}',
        b'{"title": ["x"], "message": {"y": 1}, "error": null}',
        b'"text"',
        b'{"detail": "' + b"x" * 100_000 + b'"}',
        b'{"detail": "red\\u001b[31m\\u202e\\ud800 line\\n2"}',
    ],
)
def test_words_of_an_error_are_short_and_harmless(account: ContractAccount, peer: RawPeer, body: bytes) -> None:
    peer.answer = lambda request: http("400 Bad Request", body)
    with pytest.raises(EngageError) as raised:
        account.act(*SET)
    text = said(raised.value)
    assert len(text) < 800
    assert "<" not in text
    assert text.replace("\n", "").isprintable()
    text.encode()


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (http("401 Unauthorized", b'{"error": "invalid_client", "error_description": "who are you"}'), "sim.login"),
        (http("400 Bad Request", b'{"error": "invalid_scope"}'), "sim.login"),
        (http("500 Oops", b'{"info": "bad credentials"}'), "sim.no_token"),
        (http("429 Too Many", b"", "Retry-After: 9"), "sim.quota"),
        (http("200 OK", HTML), "sim.no_token"),
        (http("200 OK", b"{}"), "sim.no_token"),
        (http("200 OK", b'{"access_token": "two words"}'), "sim.no_token"),
        (http("200 OK", b'{"access_token": "line\\r\\nX-Evil: 1"}'), "sim.no_token"),
        (http("200 OK", b'{"access_token": 7}'), "sim.no_token"),
        (http("200 OK", b'{"access_token": "x", "token_type": "MAC"}'), "sim.no_token"),
        (http("204 No Content"), "sim.no_token"),
    ],
)
def test_what_a_call_for_a_token_may_answer(account: ContractAccount, peer: RawPeer, token: bytes, code: str) -> None:
    peer.token = token
    with pytest.raises(EngageError) as raised:
        account.act(*SET)
    assert raised.value.code == code
    assert not any(each in said(raised.value) for each in CANARIES)
    assert peer.asked() == []


def test_without_an_answer_to_it_nothing_was_sent(tmp_path: Path, peer: RawPeer) -> None:
    account = account_at(tmp_path, peer.url, Hours(), token_url="http://127.0.0.1:1/oauth/token")
    with pytest.raises(UpstreamAway, match=r"there is no token: .*no connection") as raised:
        account.act(*SET)
    assert raised.value.code == "sim.no_token"
    assert raised.value.next_step.startswith("Nothing was sent.")
    assert not isinstance(raised.value, UpstreamSilent)  # of which a write may have happened


def test_a_refused_login_says_what_to_check(account: ContractAccount, peer: RawPeer) -> None:
    peer.token = http("401 Unauthorized", b'{"error": "invalid_client", "error_description": "who are you"}')
    with pytest.raises(Refused, match="refuses the login") as raised:
        account.thing(ICCID)
    assert "It says: invalid_client: who are you" in raised.value.sentence
    assert "client_secret_file" in raised.value.next_step
