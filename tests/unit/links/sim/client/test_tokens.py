"""Tokens: when they are asked for, how often, and with what."""

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.links.registry.links_file import read_links_file
from engage_server.links.sim.accounts import read_accounts
from engage_server.links.sim.client.account import ContractAccount
from engage_server.links.sim.client.opening import opened
from tests.support.sim.accounts import CLIENT_SECRET, ICCID, Hours, account_at, links_file
from tests.support.sim.prism import MAP
from tests.support.sim.raw import RawPeer, http

THING = http("200 OK", f'{{"iccid": "{ICCID}", "state": "ACTIVE"}}'.encode())


@pytest.fixture
def peer() -> Iterator[RawPeer]:
    with RawPeer(answer=lambda request: THING) as peer:
        yield peer


def tokens_asked(peer: RawPeer) -> int:
    """How often a token was asked for."""
    return len(peer.got) - len(peer.asked())


def lasting(text: str) -> bytes:
    """An answer with a token; the text is what it says of its end."""
    return http("200 OK", f'{{"access_token": "t"{text}}}'.encode())


@pytest.mark.parametrize(
    ("says", "good_for"),
    [
        (', "expires_in": "3599"', 3599),
        (', "expires_in": 3600', 3600),
        (', "expires_in": 1e3', 1000),
        ("", 300),
        (', "expires_in": null', 300),
        (', "expires_in": "soon"', 300),
        (', "expires_in": -5', 300),
        (', "expires_in": true', 300),
        (', "expires_in": 1e99', 86_400),
        (', "expires_in": "1e99"', 86_400),
        (', "expires_in": "nan"', 300),
        (', "expires_in": 20', 20),
    ],
)
def test_a_token_is_renewed_before_it_ends(tmp_path: Path, peer: RawPeer, says: str, good_for: float) -> None:
    hours = Hours()
    account = account_at(tmp_path, peer.url, hours)
    peer.token = lasting(says)
    margin = min(60, good_for / 2)  # half a minute, and a call that takes its whole time
    account.thing(ICCID)
    hours.now += good_for - margin - 1
    account.thing(ICCID)
    assert tokens_asked(peer) == 1
    hours.now += 1
    account.thing(ICCID)
    assert tokens_asked(peer) == 2


def test_many_threads_ask_once(tmp_path: Path, peer: RawPeer) -> None:
    account = account_at(tmp_path, peer.url, Hours())
    peer.seconds_between = 0.001
    threads = [threading.Thread(target=account.thing, args=(ICCID,)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(peer.asked()) == 8
    assert tokens_asked(peer) == 1


def test_many_threads_that_are_refused_renew_once(tmp_path: Path, peer: RawPeer) -> None:
    account = account_at(tmp_path, peer.url, Hours())

    def answer(request: bytes) -> bytes:
        time.sleep(0.05)
        return http("401 Unauthorized") if b"Bearer first" in request else THING

    peer.answer, peer.token = answer, http("200 OK", b'{"access_token": "first"}')
    account._calls._tokens.token()
    peer.token = http("200 OK", b'{"access_token": "second"}')
    threads = [threading.Thread(target=account.thing, args=(ICCID,)) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert tokens_asked(peer) == 2


def with_login(folder: Path, peer: RawPeer, login: str, more: str = "") -> ContractAccount:
    """An account whose map has this table ``[login]``."""
    there = folder / "map.toml"
    there.write_text(MAP.read_text() + f"\n[login]\n{login}\n")
    return account_at(folder, peer.url, Hours(), operator_map=there, more=more)


def asked(peer: RawPeer) -> tuple[str, dict[str, str], bytes]:
    """The call for a token: path, fields with names in lower case, body."""
    (request,) = [each for each in peer.got if b"/oauth/token" in each.partition(b"\r\n")[0]]
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    return first.split()[1], {name.lower(): value for name, value in fields.items()}, body


def test_the_grant_type_may_stand_in_the_query_and_the_client_in_the_body(tmp_path: Path, peer: RawPeer) -> None:
    """As KPN's gateway has it."""
    login = 'client_authentication = "body"\ngrant_type_in = "query"'
    with_login(tmp_path, peer, login, 'scope = "sims read"').thing(ICCID)
    path, fields, body = asked(peer)
    assert path == "/oauth/token?grant_type=client_credentials"
    assert "authorization" not in fields
    assert parse_qs(body.decode()) == {"client_id": ["doors"], "client_secret": [CLIENT_SECRET], "scope": ["sims read"]}


def test_the_body_may_be_json(tmp_path: Path, peer: RawPeer) -> None:
    """As 1NCE has it."""
    with_login(tmp_path, peer, 'body_as = "json"').thing(ICCID)
    _, fields, body = asked(peer)
    assert fields["content-type"] == "application/json"
    assert fields["authorization"].startswith("Basic ")
    assert json.loads(body) == {"grant_type": "client_credentials"}


def test_a_secret_may_be_exchanged(tmp_path: Path, peer: RawPeer) -> None:
    """As emnify has it."""
    login = 'way = "exchange"\nbody_as = "json"\nsecret_at = "/application_token"\ntoken_at = "/auth_token"'
    peer.token = http("200 OK", b'{"auth_token": "exchanged"}')
    with_login(tmp_path, peer, login).thing(ICCID)
    _, fields, body = asked(peer)
    assert "authorization" not in fields
    assert json.loads(body) == {"application_token": CLIENT_SECRET}
    assert b"Authorization: Bearer exchanged" in peer.got[-1]


def test_a_token_may_be_given_for_good(tmp_path: Path, peer: RawPeer) -> None:
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text("for-good\n")
    with_login(tmp_path, peer, 'way = "bearer"', 'token_file = "token"').thing(ICCID)
    assert tokens_asked(peer) == 0
    assert b"Authorization: Bearer for-good\r\n" in peer.got[0]


@pytest.mark.parametrize(
    ("login", "leave_out", "token", "fault"),
    [
        ("", "token_url", "", "the key token_url is missing"),
        ("", "client_id", "", "the key client_id is missing"),
        ("", "client_secret_file", "", "the key client_secret_file is missing"),
        ('way = "bearer"', "", "", "the key token_file is missing"),
        ('way = "bearer"', "", "two words", "it holds no token"),
    ],
)
def test_what_a_login_needs(tmp_path: Path, login: str, leave_out: str, token: str, fault: str) -> None:
    there = tmp_path / "map.toml"
    there.write_text(MAP.read_text() + f"\n[login]\n{login}\n")
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text(token)
    file = links_file(tmp_path, "http://127.0.0.1:1", operator_map=there, more='token_file = "token"' if token else "")
    (tmp_path / "links.toml").write_text(
        re.sub(f"(?m)^{leave_out or 'nothing'} = .*$", "", file.where.file.read_text())
    )
    file = read_links_file(file.where.file, "127.0.0.1", 8444)
    with pytest.raises(SettingsInvalid) as refused:
        opened(read_accounts(file)["jpu"])
    assert fault in refused.value.sentence
    assert "two words" not in refused.value.sentence
