"""How often a call goes out, counted on a raw socket: a write once, whatever is answered. And what an answer says."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.errors import EngageError, UpstreamSilent
from engage_server.links.sim.account import Values
from engage_server.links.sim.client.account import ContractAccount
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.things import Thing, ThingState
from tests.support.sim.accounts import ICCID, Hours, account_at
from tests.support.sim.prism import MAP
from tests.support.sim.raw import RawPeer, http

SET: tuple[Operation, Values] = (Operation.THINGS_SET_STATE, {"thing": ICCID, "state": "ACTIVE"})
WRITES: list[tuple[Operation, Values]] = [
    SET,
    (Operation.SMS_SEND, {"thing": ICCID, "text": "restart"}),
    (Operation.NAT_REMOVE, {"network": "n1", "rule": "r1"}),
]
AWAY = ("502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout")
ERRORS = (*AWAY, "429 Too Many Requests", "401 Unauthorized", "500 Oops", "302 Found", "307 Temporary Redirect")
THING = http("200 OK", f'{{"iccid": "{ICCID}", "state": "ACTIVE"}}'.encode())


@pytest.fixture
def peer() -> Iterator[RawPeer]:
    with RawPeer(answer=lambda request: THING) as peer:
        yield peer


@pytest.fixture
def account(tmp_path: Path, peer: RawPeer) -> ContractAccount:
    return account_at(tmp_path, peer.url, Hours(), more="timeout_seconds = 1")


def first_then_fine(peer: RawPeer, status: str, *fields: str) -> None:
    """The first call is answered so, and each later one with success."""

    def answer(request: bytes) -> bytes:
        return http(status, b"", *fields) if len(peer.asked()) == 1 else THING

    peer.answer = answer


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.parametrize("write", WRITES, ids=lambda write: write[0].value)
def test_a_write_goes_out_once(
    account: ContractAccount, peer: RawPeer, write: tuple[Operation, Values], status: str
) -> None:
    """A second one would be answered with success, so it would be seen."""
    first_then_fine(peer, status, "Retry-After: 1", f"Location: /things/{ICCID}")
    with pytest.raises(EngageError):
        account.act(*write)
    assert len(peer.asked()) == 1


@pytest.mark.parametrize("answer", [b"", http("200 OK", b'{"iccid": "1"', "Content-Length: 5000")], ids=["none", "cut"])
def test_a_write_without_an_answer_goes_out_once(account: ContractAccount, peer: RawPeer, answer: bytes) -> None:
    peer.answer = lambda request: answer if len(peer.asked()) == 1 else THING
    with pytest.raises(UpstreamSilent) as raised:
        account.act(*SET)
    assert raised.value.next_step.startswith("It may have happened.")
    assert len(peer.asked()) == 1


def test_a_write_that_is_answered_too_late_goes_out_once(tmp_path: Path, peer: RawPeer) -> None:
    with RawPeer() as tokens:
        account = account_at(
            tmp_path, peer.url, Hours(), token_url=f"{tokens.url}/oauth/token", more="timeout_seconds = 1"
        )
        peer.seconds_between = 0.1
        with pytest.raises(UpstreamSilent, match="more than 1 s"):
            account.act(*SET)
    assert len(peer.asked()) == 1


@pytest.mark.parametrize(
    ("status", "times"),
    [*((status, 3) for status in AWAY), ("429 Too Many Requests", 1), ("500 Oops", 1), ("401 Unauthorized", 2)],
)
def test_a_read_is_tried_as_often_as_the_table_says(
    account: ContractAccount, peer: RawPeer, status: str, times: int
) -> None:
    """The table is that of decision 58."""
    peer.answer = lambda request: http(status)
    with pytest.raises(EngageError):
        account.thing(ICCID)
    assert len(peer.asked()) == times


@pytest.mark.parametrize("status", ["502 Bad Gateway", "302 Found"])
def test_a_read_is_then_answered(account: ContractAccount, peer: RawPeer, status: str) -> None:
    """The control of all this: the second call is answered."""
    first_then_fine(peer, status, f"Location: /things/{ICCID}")
    assert account.thing(ICCID).state is ThingState.ACTIVE
    assert len(peer.asked()) == 2


def posting(folder: Path, peer: RawPeer) -> ContractAccount:
    """An account whose reachability is a POST, as CAMARA has it."""
    contract = json.loads(json.dumps(_CAMARA))
    (folder / "camara.json").write_text(json.dumps(contract))
    (folder / "camara.toml").write_text(
        '[thing]\nthing = "/device/phoneNumber"\n[reached]\nreachable = "/reachable"\nby = "/connectivity"\n'
        'data = ["DATA"]\n[operations."things.reachability"]\nmethod = "post"\nroute = "/retrieve"\n'
        'body = { "/device/phoneNumber" = { value = "thing", prefix = "+" } }\n'
    )
    return account_at(folder, peer.url, Hours(), contract=folder / "camara.json", operator_map=folder / "camara.toml")


_PHONE = {
    "type": "object",
    "properties": {"device": {"type": "object", "properties": {"phoneNumber": {"type": "string"}}}},
}
_REACHED = {"type": "object", "properties": {"reachable": {"type": "boolean"}, "connectivity": {"type": "array"}}}
_CAMARA = {
    "openapi": "3.0.3",
    "info": {"title": "reachability by POST", "version": "1"},
    "paths": {
        "/retrieve": {
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": _PHONE}}},
                "responses": {"200": {"description": "", "content": {"application/json": {"schema": _REACHED}}}},
            }
        }
    },
}


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_read_by_post_follows_no_redirect(tmp_path: Path, peer: RawPeer, status: str) -> None:
    """RFC 9110 lets a client change the method at 302. Then the operator would be asked something else."""
    account = posting(tmp_path, peer)
    first_then_fine(peer, status, "Location: /elsewhere")
    with pytest.raises(EngageError) as raised:
        account.reached(Thing("31970000001", None))
    assert raised.value.code == "sim.redirected"
    assert "It may have happened" not in raised.value.next_step
    assert peer.asked() == [b"POST /retrieve"]


def test_and_is_tried_again_as_any_read(tmp_path: Path, peer: RawPeer) -> None:
    account = posting(tmp_path, peer)
    peer.answer = lambda request: http("503 Away")
    with pytest.raises(EngageError):
        account.reached(Thing("31970000001", None))
    assert peer.asked() == [b"POST /retrieve"] * 3


@pytest.mark.parametrize(
    ("client", "secret", "pair"),
    [
        ("doors", "plain", b"doors:plain"),
        ("a:b", "c d", b"a%3Ab:c+d"),
        ("50%+1", "p&q=r", b"50%25%2B1:p%26q%3Dr"),
        ("türen", "schlüssel€", b"t%C3%BCren:schl%C3%BCssel%E2%82%AC"),
    ],
)
def test_each_half_of_basic_is_form_encoded(
    tmp_path: Path, peer: RawPeer, client: str, secret: str, pair: bytes
) -> None:
    """RFC 6749 section 2.3.1. Without it, a colon in the name would move the border."""
    account = account_at(tmp_path, peer.url, Hours())
    credentials = account._calls._tokens._credentials
    object.__setattr__(credentials, "client_id", client)
    object.__setattr__(credentials, "secret", type(credentials.secret)(secret.encode()))
    account.thing(ICCID)
    (head,) = [each for each in peer.got if b"/oauth/token" in each.partition(b"\r\n")[0]]
    (line,) = [line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization: basic ")]
    assert base64.b64decode(line.split()[-1]) == pair


def written(account: ContractAccount, peer: RawPeer, body: str, status: str = "200 OK") -> Thing | None:
    peer.answer = lambda request: http(status, body.encode())
    return account.act(*SET).thing


@pytest.mark.parametrize(
    ("body", "state", "word"),
    [
        ('{"state": "ACTIVE"}', ThingState.ACTIVE, "ACTIVE"),
        (f'{{"iccid": "{ICCID}", "state": "SUSPENDED"}}', ThingState.SUSPENDED, "SUSPENDED"),
        ('{"state": "PENDING"}', None, "PENDING"),
        ('{"state": null}', None, ""),
        ('{"online": true}', None, ""),
    ],
)
def test_what_the_answer_says_of_the_sim_is_read(
    account: ContractAccount, peer: RawPeer, body: str, state: ThingState | None, word: str
) -> None:
    thing = written(account, peer, body)
    assert thing is not None
    assert (thing.thing, thing.state, thing.word) == (ICCID, state, word)


@pytest.mark.parametrize("body", ["", "{}", "[]", '"done"', '{"id": "71"}', '{"iccid": "71"}'])
def test_an_answer_may_say_nothing_of_it(account: ContractAccount, peer: RawPeer, body: str) -> None:
    assert written(account, peer, body) is None


def test_an_answer_about_another_sim_is_no_success(account: ContractAccount, peer: RawPeer) -> None:
    with pytest.raises(UpstreamSilent, match="about another SIM") as raised:
        written(account, peer, '{"iccid": "8931440000000000009", "state": "ACTIVE"}')
    assert raised.value.next_step.startswith("It may have happened.")


def test_an_answer_has_the_words_of_the_map(tmp_path: Path, peer: RawPeer) -> None:
    text = MAP.read_text().replace('SUSPENDED = "SUSPENDED"', 'SUSPENDED = "RETIRED"', 1)
    (tmp_path / "map.toml").write_text(text.replace('RETIRED = "RETIRED"\n', "", 1))
    account = account_at(tmp_path, peer.url, Hours(), operator_map=tmp_path / "map.toml")
    thing = written(account, peer, '{"state": "RETIRED"}')
    assert thing is not None
    assert thing.state is ThingState.SUSPENDED


def test_what_describes_accepted_work_does_not_describe_the_sim(account: ContractAccount, peer: RawPeer) -> None:
    """The address of a 202 may have a state, too: that of the work."""

    def answer(request: bytes) -> bytes:
        if request.startswith(b"PATCH"):
            return http("202 Accepted", b'{"state": "SUSPENDED"}', "Location: /operations/17")
        return http("200 OK", b'{"status": "DONE", "state": "SUSPENDED"}')

    peer.answer = answer
    assert account.act(*SET).thing is None


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("X-RateLimit-Reset: 1795752000", "X-RateLimit-Reset 2026-11-27 04:00:00 UTC"),
        ("x-ratelimit-reset: 1795752000000", "X-RateLimit-Reset 2026-11-27 04:00:00 UTC"),
        ("X-RateLimit-Reset: 90", "X-RateLimit-Reset 90 s"),
        ("X-RateLimit-Remaining: 0", "X-RateLimit-Remaining 0"),
        ("RateLimit-Reset: 30", "RateLimit-Reset 30 s"),
        ("X-RateLimit-Reset: Fri, 27 Nov 2026 04:00:00 GMT", "X-RateLimit-Reset Fri, 27 Nov 2026 04:00:00 GMT"),
        ("X-RateLimit-Reset: 99999999999999999999", "X-RateLimit-Reset 99999999999999999999"),
    ],
)
def test_a_quota_says_when_it_is_renewed(account: ContractAccount, peer: RawPeer, field: str, said: str) -> None:
    peer.answer = lambda request: http("429 Too Many Requests", b"", field)
    with pytest.raises(EngageError) as raised:
        account.thing(ICCID)
    assert f"The quota: {said}." in raised.value.sentence
