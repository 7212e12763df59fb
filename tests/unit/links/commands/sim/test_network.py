"""``engage sim rule``, ``nat``, ``ipsec``, ``route``, ``lock-address``, ``sms`` and ``user``."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engage_server.errors import Conflict, EngageError, NotPossible, UsageError
from engage_server.links.sim.account import Acted, Values
from engage_server.links.sim.operations import VALUES, Operation
from engage_server.links.sim.things import Thing
from tests.support.commands import engage, ok
from tests.support.sim.memory import MemoryAccount, iccid, silent, sims

SECRET = "a-canary-of-a-shared-secret"
TEXT = "REBOOT canary-1234"
NET = ("--network", "net-1")
ORDERS = [
    (
        ("rule", "add", "fw-1", "--direction", "out", "--destination", "203.0.113.10/32", "--port", "443", "--yes"),
        Operation.RULES_ADD,
        "sim-network:change-ordered",
    ),
    (("rule", "remove", "fw-1", "r-1", "--yes"), Operation.RULES_REMOVE, "sim-network:change-ordered"),
    (("lock-address", iccid(1)), Operation.THINGS_LOCK_ADDRESS, "sim:change-ordered"),
    (
        ("nat", "add", iccid(1), *NET, "--outside-port", "2201", "--inside-port", "22", "--yes"),
        Operation.NAT_ADD,
        "sim-network:change-ordered",
    ),
    (("nat", "remove", "nat-1", *NET, "--yes"), Operation.NAT_REMOVE, "sim-network:change-ordered"),
    (("lock-address", "--site", "main", "--release"), Operation.THINGS_RELEASE_ADDRESS, "sim:change-ordered"),
    (
        (
            *("ipsec", "add", *NET, "--peer", "203.0.113.10", "--local", "10.20.0.0/16", "--remote", "10.44.0.0/24"),
            *("--shared-secret-file", "tunnel.secret", "--yes"),
        ),
        Operation.TUNNELS_ADD,
        "sim-network:change-ordered",
    ),
    (("ipsec", "remove", "tun-1", *NET, "--yes"), Operation.TUNNELS_REMOVE, "sim-network:change-ordered"),
    (
        ("route", "add", "10.44.0.0/24", *NET, "--gateway", "10.20.0.1", "--yes"),
        Operation.ROUTES_ADD,
        "sim-network:change-ordered",
    ),
    (("route", "remove", "route-1", *NET, "--yes"), Operation.ROUTES_REMOVE, "sim-network:change-ordered"),
    (("sms", "send", "--site", "main", "--text-file", "sms.txt", "--yes"), Operation.SMS_SEND, "sim:message-ordered"),
    (
        ("user", "add", "anna", "--email", "anna@example.org", "--permission", "reader"),
        Operation.USERS_ADD,
        "sim-user:ordered",
    ),
]


@pytest.fixture(autouse=True)
def files(sim_folder: Path) -> None:
    (sim_folder / "sms.txt").write_text(f"{TEXT}\n")
    secret = sim_folder / "tunnel.secret"
    secret.touch(mode=0o600)
    secret.write_text(f"{SECRET}\n")


def log(folder: Path) -> list[dict[str, Any]]:
    """The audit log, newest first."""
    found: list[dict[str, Any]] = json.loads(ok(engage(folder, "audit", "show", "--json")))
    return found[::-1]


def test_each_order_is_sent_once_with_all_its_values_and_recorded(sim_folder: Path, account: MemoryAccount) -> None:
    for arguments, operation, action in ORDERS:
        account.writes.clear()
        done = engage(sim_folder, "sim", *arguments, "--reason", f"why {operation}")
        assert done.returncode == 0, (arguments, done.stderr)
        ((sent, values),) = account.writes
        assert sent is operation
        assert set(values) <= set(VALUES[operation])
        ended, entry = log(sim_folder)[:2]
        assert (entry["action"], entry["reason"]) == (action, f"why {operation}")
        assert (ended["action"], ended["facts"]["outcome"]) == ("sim:order-ended", "done")
        assert ended["facts"]["operation"] == operation
        for canary in (SECRET, TEXT):
            assert canary not in done.stdout + done.stderr + json.dumps([entry, ended])


@pytest.mark.parametrize("arguments", [ORDERS[number][0] for number in (0, 2, 10)], ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("error", "outcome", "is_ordered"),
    [
        (UsageError("it does not fit", "Correct it.", code="sim.value"), "refused before it was sent", False),
        (Conflict("412: changed", "Look.", code="sim.changed"), "sent and refused", True),
        (silent(), "sent, and what came of it is not known", True),
        (NotPossible("accepted", "Look.", code="sim.pending"), "sent and accepted, and not known to be done", True),
    ],
    ids=lambda value: value.code if isinstance(value, EngageError) else "",
)
def test_the_audit_log_says_what_came_of_an_order(
    sim_folder: Path,
    account: MemoryAccount,
    arguments: tuple[str, ...],
    error: EngageError,
    outcome: str,
    is_ordered: bool,
) -> None:
    account.by_name[iccid(1)] = replace(account.by_name[iccid(1)], is_locked=True)

    def fail(operation: Operation, values: Values) -> None:
        raise error

    account.before, account.judge = (fail, account.judge) if is_ordered else (account.before, fail)
    before = len(log(sim_folder))
    assert engage(sim_folder, "sim", *arguments).returncode == error.exit_status
    entries = log(sim_folder)
    new = entries[: len(entries) - before]
    assert new[0]["action"] == "sim:order-ended"
    assert (new[0]["facts"]["outcome"], new[0]["facts"]["code"]) == (outcome, error.code)
    assert len(new) == 1 + is_ordered, "what was never sent was not ordered"
    assert account.writes == []


def _describing(thing: Thing, operation: Operation, values: Values) -> Thing:
    return thing


def test_an_address_that_the_answer_contradicts_is_no_success(sim_folder: Path, account: MemoryAccount) -> None:
    for describes, words in (
        (replace(sims(1)[0], is_locked=False), "is not locked"),
        (replace(sims(1)[0], is_locked=True, address="10.20.0.99"), "is 10.20.0.99, not 10.20.0.2"),
    ):
        account.describe = partial(_describing, describes)
        done = engage(sim_folder, "sim", "lock-address", iccid(1))
        assert done.returncode == 1
        assert words in done.stderr
        assert log(sim_folder)[0]["facts"]["outcome"] == "sent and answered with success, but it is otherwise"
    account.describe = lambda operation, values: replace(sims(1)[0], is_locked=True, address="10.20.0.2")
    ok(engage(sim_folder, "sim", "lock-address", iccid(1)))


def test_every_write_of_the_document_has_a_command(sim_folder: Path) -> None:
    """Those that concern many SIMs have their tests beside these."""
    many = {Operation.THINGS_SET_STATE, Operation.THINGS_SET_TAGS, Operation.THINGS_SET_SERVICES}
    assert {operation for _, operation, _ in ORDERS} | many == {each for each in Operation if each.is_write}


def test_values_reach_the_operator_as_they_are_meant(sim_folder: Path, account: MemoryAccount) -> None:
    ok(engage(sim_folder, "sim", "sms", "send", iccid(1), "--yes", "--text-file", "-", stdin=f"{TEXT}\r\n".encode()))
    assert account.writes[-1] == (Operation.SMS_SEND, {"thing": iccid(1), "text": TEXT})
    ok(engage(sim_folder, "sim", *ORDERS[6][0]))
    assert account.writes[-1][1] == {
        "network": "net-1",
        "peer": "203.0.113.10",
        "local_networks": ["10.20.0.0/16"],
        "remote_networks": ["10.44.0.0/24"],
        "shared_secret": SECRET,
    }
    ok(engage(sim_folder, "sim", *ORDERS[2][0]))
    assert account.writes[-1][1] == {"thing": iccid(1), "address": "10.20.0.2"}
    ok(engage(sim_folder, "sim", *ORDERS[3][0]))
    assert json.loads(json.dumps(account.writes[-1][1]))["outside_port"] == 2201


def test_a_secret_that_the_operator_repeats_is_not_shown(
    sim_folder: Path, account: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeated = {"id": "tun-9", "psk": SECRET, "deep": {"x": [SECRET]}, "text": TEXT}
    monkeypatch.setattr(account, "act", lambda operation, values, before_sending: Acted(repeated))
    for arguments in (ORDERS[6][0], ORDERS[10][0]):
        for json_option in ((), ("--json",)):
            done = engage(sim_folder, "sim", *arguments, *json_option)
            assert done.returncode == 0
            assert "tun-9" in done.stdout, "the control"
            canary = SECRET if arguments[0] == "ipsec" else TEXT
            assert canary not in done.stdout + done.stderr


def test_what_was_only_accepted_is_said(sim_folder: Path, account: MemoryAccount) -> None:
    account.later = True
    assert "does not say when it is done" in ok(engage(sim_folder, "sim", *ORDERS[10][0]))
    assert json.loads(ok(engage(sim_folder, "sim", *ORDERS[10][0], "--json")))["answer"] == {"accepted": True}


def test_a_list_of_tunnels_leaves_their_secrets_out(
    sim_folder: Path, account: MemoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = {"id": "net-1", "ipsecTunnels": [{"id": "tun-1", "preSharedKey": SECRET, "sharedSecret": SECRET}]}
    monkeypatch.setattr(account, "entries", lambda operation, values=None: iter([network]))
    for options in ((), ("--json",)):
        shown = ok(engage(sim_folder, "sim", "ipsec", "list", *NET, *options))
        assert "tun-1" in shown
        assert SECRET not in shown


def test_a_port_is_forwarded_to_a_locked_address_only(sim_folder: Path, account: MemoryAccount) -> None:
    add = ("nat", "add", iccid(1), *NET, "--outside-port", "2201", "--inside-port", "22", "--yes")
    done = engage(sim_folder, "sim", *add)
    assert done.returncode == 2
    assert f"lock-address {iccid(1)}" in done.stderr
    assert account.writes == []
    ok(engage(sim_folder, "sim", "lock-address", iccid(1)))
    ok(engage(sim_folder, "sim", *add))


def test_lists_are_those_of_the_network_or_profile(sim_folder: Path, account: MemoryAccount) -> None:
    assert "r-1" in ok(engage(sim_folder, "sim", "rule", "list", "fw-1"))
    assert "nat-1" in ok(engage(sim_folder, "sim", "nat", "list", *NET))
    assert "tun-1" in ok(engage(sim_folder, "sim", "ipsec", "list", *NET))
    assert "no route" in ok(engage(sim_folder, "sim", "route", "list", *NET))
    assert "u-1" in ok(engage(sim_folder, "sim", "user", "list"))
    assert json.loads(ok(engage(sim_folder, "sim", "rule", "list", "fw-2", "--json"))) == []


def test_an_empty_profile_allows_everything_and_says_so(sim_folder: Path, account: MemoryAccount) -> None:
    shown = " ".join(ok(engage(sim_folder, "sim", "rule", "list", "fw-2")).split())
    assert "all traffic is allowed then, in and out" in shown


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("rule", "list", "fw-9"), 2, "has no 'fw-9'"),
        (("rule", "remove", "fw-1", "r-1"), 1, "--yes"),
        (("lock-address", iccid(1), "--address", "x"), 2, "not an IP address"),
        (("lock-address", iccid(1), "--address", "10.0.0.1", "--release"), 2, "--release"),
        (("lock-address",), 2, "no SIM is chosen"),
        (("sms", "send", iccid(1), "--text-file", "none.txt"), 3, "none.txt"),
        (("sms", "send", iccid(1), "--text-file", "/dev/null"), 2, "0 characters"),
        (("ipsec", "add", *ORDERS[6][0][2:-3], "--shared-secret-file", "sms.txt", "--yes"), 2, "other users may read"),
        (("route", "add", "10.44.0.7/24", *NET, "--gateway", "x", "--yes"), 2, "10.44.0.7/24"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_sent(
    sim_folder: Path, account: MemoryAccount, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = engage(sim_folder, "sim", *arguments)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert account.writes == []
