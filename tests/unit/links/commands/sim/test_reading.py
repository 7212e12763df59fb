"""``engage sim list``, ``show``, ``plan`` and ``billing``: what only reads."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engage_server.links.sim.operations import Operation
from engage_server.links.sim.things import Thing, ThingState
from tests.support.commands import engage, ok
from tests.support.sim.memory import LINKS, MemoryAccount, iccid, silent, sims


def test_all_sims_are_listed_or_those_that_pass(sim_folder: Path, account: MemoryAccount) -> None:
    account.by_name[iccid(2)] = replace(sims(2)[1], state=ThingState.SUSPENDED, group="spare", tags=("winter",))
    listed = ok(engage(sim_folder, "sim", "list"))
    assert all(iccid(number) in listed for number in (1, 2, 3))
    for options in (["--site", "main"], ["--group", "locks", "--site", "main"], ["--account", "jpu", "--site", "main"]):
        found = json.loads(ok(engage(sim_folder, "sim", "list", *options, "--json")))
        assert [each["thing"] for each in found] == [iccid(1)], options
    for options in (["--state", "suspended"], ["--tag", "winter"], ["--group", "spare"]):
        found = json.loads(ok(engage(sim_folder, "sim", "list", *options, "--json")))
        assert [each["thing"] for each in found] == [iccid(2)], options
    assert "there is no such SIM" in ok(engage(sim_folder, "sim", "list", "--tag", "none"))


@pytest.mark.parametrize("what", ["groups", "networks", "profiles", "users"])
def test_what_the_account_has_besides_is_printed_as_the_contract_has_it(
    sim_folder: Path, account: MemoryAccount, what: str
) -> None:
    found = json.loads(ok(engage(sim_folder, "sim", "list", "--what", what, "--json")))
    assert found[0]["id"] in ok(engage(sim_folder, "sim", "list", "--what", what))
    refused = engage(sim_folder, "sim", "list", "--what", what, "--site", "main")
    assert refused.returncode == 2


def test_a_sim_is_shown_with_its_device_and_whether_the_network_reaches_it(
    sim_folder: Path, account: MemoryAccount
) -> None:
    shown = ok(engage(sim_folder, "sim", "show", "--site", "main"))
    assert f"{iccid(1)}: ACTIVE" in shown
    assert "yes, by data" in shown
    assert "490154203230001" in shown
    assert "proves nothing about a door" in shown
    found = json.loads(ok(engage(sim_folder, "sim", "show", iccid(2), iccid(3), "--json")))
    assert [each["thing"] for each in found["things"]] == [iccid(2), iccid(3)]
    assert found["things"][0]["reached"]["reachability"] == "data"


def test_what_an_operator_wrote_can_colour_and_break_nothing(sim_folder: Path, account: MemoryAccount) -> None:
    account.by_name = {"x": Thing("x\n\x1b[31mroot", None, "od\x07d", group="g\nh", fields={"note": "a\r\nb"})}
    for arguments in (("list",), ("show", "x"), ("plan", "x", "--to", "ACTIVE")):
        done = engage(sim_folder, "sim", *arguments)
        assert done.returncode == 0, done.stderr
        assert not any(bad in done.stdout for bad in ("\x1b", "\x07", "\r"))
        assert "root --to" not in done.stdout, "nobody pastes what an operator wrote"


def test_a_plan_says_what_is_stated_and_what_it_costs_and_changes_nothing(
    sim_folder: Path, account: MemoryAccount
) -> None:
    shown = " ".join(ok(engage(sim_folder, "sim", "plan", "--site", "main", "--to", "SUSPENDED")).split())
    assert f"{iccid(1)}: ACTIVE -> SUSPENDED" in shown
    assert "The document states this move." in shown
    assert "whole billing cycle" in shown
    assert "cut off: site main" in shown, "who hangs on it"
    assert "cut off" not in ok(engage(sim_folder, "sim", "plan", iccid(2), "--to", "SUSPENDED")), "it carries no site"
    found = json.loads(ok(engage(sim_folder, "sim", "plan", iccid(2), "--to", "RETIRED", "--json")))
    assert found["moves"][0]["final"] is True
    assert found["word"] == "RETIRED"
    assert account.writes == []


def test_a_plan_that_would_leave_something_has_status_1(sim_folder: Path, account: MemoryAccount) -> None:
    account.by_name[iccid(2)] = replace(sims(2)[1], state=ThingState.RETIRED)
    done = engage(sim_folder, "sim", "plan", iccid(2), "--to", "ACTIVE")
    assert done.returncode == 1
    assert "left as it is" in done.stdout


def test_many_moves_are_summed_up(sim_folder: Path, account: MemoryAccount) -> None:
    account.by_name = {each.thing: each for each in sims(1200)}
    shown = ok(engage(sim_folder, "sim", "plan", "--tag", "depot", "--to", "SUSPENDED"))
    assert "1200 SIMs: ACTIVE -> SUSPENDED" in shown
    assert len(shown.splitlines()) < 10, "one line for all that move alike"


def test_charges_are_printed_as_the_contract_has_them(sim_folder: Path, account: MemoryAccount) -> None:
    assert "12.5" in ok(engage(sim_folder, "sim", "billing"))
    assert json.loads(ok(engage(sim_folder, "sim", "billing", "--site", "main", "--json")))[0]["sms"] == 3
    assert engage(sim_folder, "sim", "billing", "--month", "2027-13").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("show", iccid(99)), 2, "there is no Thing"),
        (("show",), 2, "no SIM is chosen"),
        (("show", iccid(1), "--site", "main"), 2, "two ways"),
        (("show", "--site", "north"), 2, "has no link of SIMs to site north"),
        (("plan", iccid(1), "--to", "GONE"), 2, "GONE"),
        (("plan", "--tag", "none", "--to", "ACTIVE"), 2, "has no such SIM"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(
    sim_folder: Path, account: MemoryAccount, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = engage(sim_folder, "sim", *arguments)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_operator_that_is_away_is_status_3(sim_folder: Path, account: MemoryAccount) -> None:
    account.away = silent()
    for arguments in (("list",), ("show", iccid(1)), ("billing",), ("rule", "list", "fw-1")):
        done = engage(sim_folder, "sim", *arguments)
        assert done.returncode == 3, arguments
        assert "no answer" in done.stderr


def test_what_the_map_lacks_is_said_before_anything_is_asked(sim_folder: Path, account: MemoryAccount) -> None:
    account.lacks = {Operation.BILLING_READ, Operation.THINGS_SET_STATE}
    for arguments in (("billing",), ("set", iccid(1), "--to", "SUSPENDED")):
        done = engage(sim_folder, "sim", *arguments)
        assert done.returncode == 3
        assert "has no operation" in done.stderr


def test_of_several_accounts_the_sites_is_meant(tmp_path: Path, account: MemoryAccount) -> None:
    (tmp_path / "engage.toml").touch()
    (tmp_path / "links.toml").write_text(LINKS + LINKS.replace("jpu", "kpn").partition("[links")[0])
    ok(engage(tmp_path, "sim", "list", "--site", "main"))
    ok(engage(tmp_path, "sim", "list", "--account", "kpn"))
    done = engage(tmp_path, "sim", "list")
    assert done.returncode == 2
    assert "several accounts: jpu, kpn" in done.stderr
    (tmp_path / "links.toml").write_text("")
    done = engage(tmp_path, "sim", "list")
    assert done.returncode == 2
    assert "no account" in done.stderr
