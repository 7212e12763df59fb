"""The client over Prism: what we send is judged by the contract, and each return code comes from somebody else."""

import base64
import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.errors import Conflict, EngageError, NotFound, NotPossible, Refused, UpstreamAway, UsageError
from engage_server.links.sim.account import Acted, Values
from engage_server.links.sim.client.account import ContractAccount
from engage_server.links.sim.operations import VALUES, Operation
from engage_server.links.sim.things import Reachability, ThingState
from tests.support.partner import Got
from tests.support.sim.accounts import CLIENT_SECRET, ICCID, Hours, account_at
from tests.support.sim.prism import prism
from tests.support.sim.relay import Answer, Relay, first_page_only

WRITES: dict[Operation, Values] = {
    Operation.THINGS_SET_STATE: {"thing": ICCID, "state": "ACTIVE"},
    Operation.THINGS_SET_TAGS: {"thing": ICCID, "tags": ["north", "gate 3"]},
    Operation.THINGS_SET_SERVICES: {"thing": ICCID, "services": ["data"]},
    Operation.THINGS_LOCK_ADDRESS: {"thing": ICCID, "address": "10.20.0.7"},
    Operation.THINGS_RELEASE_ADDRESS: {"thing": ICCID},
    Operation.ROUTES_ADD: {"network": "n1", "destination": "198.51.100.0/24", "gateway": "10.20.0.1"},
    Operation.ROUTES_REMOVE: {"network": "n1", "route": "5"},
    Operation.NAT_ADD: {
        "network": "n1",
        "thing": ICCID,
        "protocol": "tcp",
        "outside_port": 8443,
        "inside_port": "443",
        "address": "",
    },
    Operation.NAT_REMOVE: {"network": "n1", "rule": "a/b?c"},
    Operation.TUNNELS_ADD: {
        "network": "n1",
        "peer": "192.0.2.1",
        "local_networks": ["10.20.0.0/24"],
        "remote_networks": ["10.0.0.0/8"],
        "shared_secret": "canary-of-a-tunnel-0123456789",
    },
    Operation.TUNNELS_REMOVE: {"network": "n1", "tunnel": "t1"},
    Operation.RULES_ADD: {
        "profile": "p1",
        "direction": "out",
        "action": "allow",
        "protocol": "tcp",
        "destination": "198.51.100.7/32",
        "port": 443,
    },
    Operation.RULES_REMOVE: {"profile": "p1", "rule": "r1"},
    Operation.SMS_SEND: {"thing": ICCID, "text": "restart"},
    Operation.USERS_ADD: {"user": "bert", "email": "bert@example.org", "permission": "reader"},
}
SET = (Operation.THINGS_SET_STATE, WRITES[Operation.THINGS_SET_STATE])


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    with prism() as port:
        yield port


@pytest.fixture
def relay(served: int) -> Iterator[Relay]:
    with Relay(served) as relay:
        yield relay


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def account(tmp_path: Path, relay: Relay, hours: Hours) -> ContractAccount:
    return account_at(tmp_path, relay.url, hours)


def answering(relay: Relay, *statuses: int, also: str = "") -> None:
    """Let the calls that follow have these statuses, one after the other. Tokens are given as before."""
    left = list(statuses)

    def prefer(got: Got) -> str:
        return f"code={left.pop(0)}{also}" if left else first_page_only(got)

    relay.prefer = prefer


def test_all_things_are_read_page_by_page(account: ContractAccount, relay: Relay) -> None:
    first, second = account.things()
    assert (first.thing, first.state, first.word, first.group, first.tags) == (
        ICCID,
        ThingState.ACTIVE,
        "ACTIVE",
        "doors",
        ("north",),
    )
    assert (second.state, second.imei) == (ThingState.SUSPENDED, "")
    assert relay.paths("GET") == ["/things?page_size=200&page=1", "/things?page_size=200&page=2"]


def test_what_the_contract_filters_is_asked_for(account: ContractAccount, relay: Relay) -> None:
    list(account.things(group="doors/a b", state=ThingState.SUSPENDED))
    assert relay.paths("GET")[0] == "/things?group=doors%2Fa%20b&state=SUSPENDED&page_size=200&page=1"


def test_what_it_does_not_filter_is_filtered_here(account: ContractAccount) -> None:
    assert [each.thing for each in account.things(tag="north")] == [ICCID]


def test_one_thing_has_all_its_fields(account: ContractAccount) -> None:
    thing = account.thing(ICCID)
    assert (thing.imei, thing.phone_number, thing.address) == ("356938035643809", "+3197010000001", "10.20.0.7")
    assert (thing.is_locked, thing.is_connected, thing.services) == (False, True, ("data", "sms"))
    assert dict(thing.fields) == {"label": "Depot Nord"}


@pytest.mark.parametrize(("example", "found"), [("data", Reachability.DATA), ("none", Reachability.NONE)])
def test_the_network_says_whether_it_reaches_a_sim(
    account: ContractAccount, relay: Relay, example: str, found: Reachability
) -> None:
    thing = account.thing(ICCID)
    relay.prefer = lambda got: f"example={example}"
    reached = account.reached(thing)
    assert reached.reachability is found
    assert reached.at is not None and reached.at.hour in (1, 2)


@pytest.mark.parametrize("operation", [each for each in Operation if not each.is_write and "things" not in each])
def test_each_read_fits_the_contract(account: ContractAccount, operation: Operation) -> None:
    values = {name: "2026-10" if name == "month" else "x" for name in VALUES[operation] if name != "thing"}
    assert list(account.entries(operation, values))


@pytest.mark.parametrize("operation", WRITES)
def test_each_write_fits_the_contract_and_goes_out_once(
    account: ContractAccount, relay: Relay, operation: Operation
) -> None:
    account.act(operation, WRITES[operation])
    assert len([each for each in relay.got if each.path != "/oauth/token"]) == 1


def test_there_is_a_test_for_each_write() -> None:
    assert set(WRITES) == {each for each in Operation if each.is_write}


def test_a_read_has_no_body_and_a_write_the_contract_s_type(account: ContractAccount, relay: Relay) -> None:
    account.thing(ICCID)
    account.act(*SET)
    read, write = [each for each in relay.got if each.path != "/oauth/token"]
    assert (read.body, read.headers.get("Content-Type")) == (b"", None)
    assert (write.body, write.headers["Content-Type"]) == (b'{"state":"ACTIVE"}', "application/merge-patch+json")


def test_a_path_parameter_is_one_segment(account: ContractAccount, relay: Relay) -> None:
    account.act(Operation.NAT_REMOVE, WRITES[Operation.NAT_REMOVE])
    assert relay.paths("DELETE") == ["/networks/n1/nat-rules/a%2Fb%3Fc"]


@pytest.mark.parametrize(
    ("operation", "values", "said"),
    [
        (
            Operation.THINGS_SET_STATE,
            {"thing": "12", "state": "ACTIVE"},
            "the SIM '12' is not what the contract accepts: it must match the p",
        ),
        (Operation.THINGS_SET_STATE, {"thing": ICCID, "state": "BROKEN"}, "no word for the state 'BROKEN'"),
        (Operation.THINGS_SET_STATE, {"thing": ICCID}, "minProperties 1"),
        (Operation.THINGS_SET_STATE, {"state": "ACTIVE"}, "needs the value 'thing'"),
        (Operation.THINGS_SET_TAGS, {"thing": ICCID, "tags": ["x" * 41]}, "/tags/0: maxLength 40"),
        (Operation.SMS_SEND, {"thing": ICCID, "text": "canary" * 30}, "/text: maxLength 160"),
        (
            Operation.TUNNELS_ADD,
            {**WRITES[Operation.TUNNELS_ADD], "shared_secret": "canary"},
            "/shared_secret: minLength",
        ),
        (Operation.NAT_ADD, {**WRITES[Operation.NAT_ADD], "inside_port": "https"}, "must be of type integer"),
        (Operation.NAT_ADD, {**WRITES[Operation.NAT_ADD], "inside_port": 70_000}, "/inside_port: maximum 65535"),
        (Operation.RULES_REMOVE, {"profile": "..", "rule": "r1"}, "cannot be '..'"),
        (Operation.RULES_REMOVE, {"profile": "p1", "rule": "r1", "port": 80}, "no place for the value 'port'"),
    ],
)
def test_what_does_not_fit_the_contract_is_not_sent(
    account: ContractAccount, relay: Relay, operation: Operation, values: Values, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        account.act(operation, values)
    assert said in refused.value.sentence
    assert refused.value.code == "sim.value"
    assert "canary" not in refused.value.sentence + refused.value.next_step
    assert relay.got == []


def test_prism_refuses_what_the_contract_does_not_have(relay: Relay) -> None:
    """The control of this file: another body than ours gets 422."""
    connection = http.client.HTTPConnection("127.0.0.1", relay.upstream)
    fields = {"Authorization": "Bearer x", "Content-Type": "application/merge-patch+json"}
    connection.request("PATCH", f"/things/{ICCID}", body=b'{"status":"ACTIVE"}', headers=fields)
    assert connection.getresponse().status == 422
    connection.close()


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, UsageError, "sim.bad_request"),
        (401, Refused, "sim.unauthorized"),
        (403, Refused, "sim.forbidden"),
        (404, NotFound, "sim.not_found"),
        (405, NotPossible, "sim.not_allowed"),
        (412, Conflict, "sim.changed"),
        (422, UsageError, "sim.bad_request"),
        (429, UpstreamAway, "sim.quota"),
        (302, NotPossible, "sim.redirected"),
        (500, UpstreamAway, "sim.broken"),
        (502, UpstreamAway, "sim.away"),
        (503, UpstreamAway, "sim.away"),
    ],
)
def test_each_return_code_of_a_write_is_an_error_and_nothing_is_repeated(
    account: ContractAccount, relay: Relay, status: int, kind: type[EngageError], code: str
) -> None:
    answering(relay, *[status] * 5)
    with pytest.raises(kind) as raised:
        account.act(*SET)
    assert raised.value.code == code
    assert str(status) in raised.value.sentence
    assert "[sim.jpu] PATCH /things/{iccid} for SIM " + ICCID in raised.value.sentence
    may_have_happened = status >= 500 or status == 302
    assert ("It may have happened" in raised.value.next_step) is may_have_happened
    assert ("Nothing was done" in raised.value.next_step) is not may_have_happened
    assert relay.paths("PATCH") == [f"/things/{ICCID}"]
    assert relay.paths("GET") == []


def test_the_operator_s_words_are_said(account: ContractAccount, relay: Relay) -> None:
    answering(relay, 400)
    with pytest.raises(UsageError, match=r"It says: InvalidRequest: The state cannot be reached from here: .*abc-1"):
        account.act(*SET)


def test_a_read_that_is_refused_does_not_say_that_nothing_was_done(account: ContractAccount, relay: Relay) -> None:
    answering(relay, 404)
    with pytest.raises(NotFound) as raised:
        account.thing(ICCID)
    assert raised.value.next_step == "Check the name: engage sim list"


def test_a_quota_is_named(account: ContractAccount, relay: Relay) -> None:
    answering(relay, 429)
    with pytest.raises(UpstreamAway) as raised:
        account.thing(ICCID)
    assert "quota-limit 1000, quota-used 1000, quota-reset-UTC 2026-11-27T04:00:00Z" in raised.value.sentence
    assert relay.paths("GET") == [f"/things/{ICCID}"]


@pytest.mark.parametrize("status", [502, 503])
def test_a_read_is_tried_again(account: ContractAccount, relay: Relay, hours: Hours, status: int) -> None:
    relay.prefer = lambda got: "example=none"
    relay.instead = _Twice(status)
    assert list(account.things()) == []
    assert len(relay.paths("GET")) == 3
    assert hours.slept == [0.75, 1.5]


class _Twice:
    """The status, two times; then what Prism answers."""

    def __init__(self, status: int, seconds: str = "") -> None:
        self.status, self.seconds, self.left = status, seconds, 2

    def __call__(self, got: Got, answer: Answer) -> Answer:
        if got.path == "/oauth/token" or not self.left:
            return answer
        self.left -= 1
        return self.status, {"Retry-After": self.seconds} if self.seconds else {}, b""


def test_but_not_for_ever(account: ContractAccount, relay: Relay) -> None:
    answering(relay, *[503] * 9)
    with pytest.raises(UpstreamAway, match="503") as raised:
        account.thing(ICCID)
    assert raised.value.code == "sim.away"
    assert len(relay.paths("GET")) == 3


def test_a_pause_that_is_asked_for_is_kept_unless_it_is_long(
    account: ContractAccount, relay: Relay, hours: Hours
) -> None:
    relay.prefer, relay.instead = (lambda got: "example=active"), _Twice(503, "7")
    account.thing(ICCID)
    assert hours.slept == [7, 7]
    relay.instead = _Twice(503, "3600")
    with pytest.raises(UpstreamAway) as raised:
        account.thing(ICCID)
    assert raised.value.retry_seconds == 3600
    assert hours.slept == [7, 7]


def test_a_read_with_an_old_token_is_tried_once_with_a_new_one(account: ContractAccount, relay: Relay) -> None:
    answering(relay, 401)
    assert account.thing(ICCID).thing == ICCID
    assert [each.path for each in relay.got].count("/oauth/token") == 2
    answering(relay, 401, 401)
    with pytest.raises(Refused) as raised:
        account.thing(ICCID)
    assert raised.value.code == "sim.unauthorized"


def test_a_write_is_not_but_the_next_call_has_a_new_token(account: ContractAccount, relay: Relay) -> None:
    answering(relay, 401)
    with pytest.raises(Refused, match="401"):
        account.act(*SET)
    assert [each.path for each in relay.got].count("/oauth/token") == 1
    account.act(*SET)
    assert [each.path for each in relay.got].count("/oauth/token") == 2


def test_a_redirect_of_a_read_to_the_same_origin_is_followed(account: ContractAccount, relay: Relay) -> None:
    answering(relay, 302)
    assert account.thing("8931440000000000009").thing == ICCID
    assert relay.paths("GET") == ["/things/8931440000000000009", f"/things/{ICCID}"]


def test_redirects_in_a_circle_end(account: ContractAccount, relay: Relay) -> None:
    answering(relay, *[302] * 20)
    with pytest.raises(NotPossible, match="in a circle") as raised:
        account.thing(ICCID)
    assert raised.value.code == "sim.redirected"
    assert len(relay.paths("GET")) == 5


def _operations(relay: Relay, *examples: str) -> None:
    """A write is accepted. Where its Location leads, these are the answers, the last one for ever."""
    left = list(examples)

    def prefer(got: Got) -> str:
        if got.method == "PATCH":
            return "code=202"
        if got.path.startswith("/operations/"):
            return f"example={left.pop(0) if len(left) > 1 else left[0]}"
        return ""

    relay.prefer = prefer


def test_what_was_accepted_is_waited_for(account: ContractAccount, relay: Relay, hours: Hours) -> None:
    _operations(relay, "running", "running", "done")
    assert account.act(*SET) == Acted({"status": "DONE"})
    assert relay.paths("GET") == ["/operations/17"] * 3
    assert hours.slept == [1, 2, 4]
    assert len(relay.paths("PATCH")) == 1


def test_but_not_longer_than_the_account_says(account: ContractAccount, relay: Relay, hours: Hours) -> None:
    _operations(relay, "running")
    with pytest.raises(NotPossible, match="accepted, but not done after 60 s") as raised:
        account.act(*SET)
    assert raised.value.code == "sim.pending"
    assert "engage sim show" in raised.value.next_step
    assert sum(hours.slept) <= 60


def test_what_was_accepted_may_fail(account: ContractAccount, relay: Relay) -> None:
    _operations(relay, "running", "failed")
    with pytest.raises(Refused, match="then says 'FAILED'") as raised:
        account.act(*SET)
    assert raised.value.code == "sim.failed"


@pytest.mark.parametrize("status", [404, 422, 429, 500, 503])
def test_what_was_accepted_and_cannot_be_looked_at_is_not_to_be_repeated(
    account: ContractAccount, relay: Relay, status: int
) -> None:
    _operations(relay, "running")
    relay.instead = lambda got, answer: (status, {}, b"") if got.path.startswith("/operations/") else answer
    with pytest.raises(NotPossible, match="what became of it could not be read") as raised:
        account.act(*SET)
    assert raised.value.code == "sim.pending"
    assert raised.value.next_step.startswith("It may have happened.")
    assert len(relay.paths("PATCH")) == 1


def test_a_202_without_an_address_says_so(account: ContractAccount, relay: Relay) -> None:
    answering(relay, 202)
    relay.instead = lambda got, answer: (answer[0], {}, answer[2]) if got.method == "PATCH" else answer
    assert account.act(*SET) == Acted({"operation": "17"}, is_accepted=True)


def test_a_state_that_was_set_is_there_later(account: ContractAccount) -> None:
    """Prism forgets, the relay does not: for tests that need a life of a SIM."""
    account.act(Operation.THINGS_SET_STATE, {"thing": ICCID, "state": "SUSPENDED"})
    assert account.thing(ICCID).state is ThingState.SUSPENDED
    account.act(*SET)
    assert account.thing(ICCID).state is ThingState.ACTIVE


def test_the_login_is_the_rfc_s(account: ContractAccount, relay: Relay) -> None:
    account.thing(ICCID)
    (asked,) = [each for each in relay.got if each.path == "/oauth/token"]
    pair = base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode()
    assert pair == "doors:canary%3A+secret%2Fof+the+client"
    assert asked.body == b"grant_type=client_credentials"
    assert CLIENT_SECRET not in repr(account.__dict__)
