"""Two persons at one server: the rule, who may approve, and what a person alone can do. Each comes with sudo."""

import json
import pwd
from os import getuid
from pathlib import Path
from typing import Any

import pytest

from engage_server.cli import session
from tests.support.commands import engage, engage_process, ok

WHY = ("--reason", "we looked at the doors")


@pytest.fixture
def folder(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose site needs a second person. Commands run as root, and SUDO_USER says who came."""
    monkeypatch.setattr(session, "account", lambda: "root")
    ok(engage(installation, "site", "change", "main", "--approvals", "1", "--reason", "two keys", SUDO_USER="anna"))
    return installation


def flat(text: str) -> str:
    return " ".join(text.split())


def progress(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ok(engage(folder, "rotate", "status", "--json")))[0]
    return found


def newest_entries(folder: Path, last: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ok(engage(folder, "audit", "show", "--last", str(last), "--json")))
    return found


def test_the_rule_is_the_sites_own(folder: Path) -> None:
    assert "approvals 1: a second person where devices can be cut off" in flat(
        ok(engage(folder, "site", "show", "main"))
    )
    assert "main (for trials) (two persons)" in ok(engage(folder, "site", "list"))
    (shown,) = json.loads(ok(engage(folder, "site", "list", "--json")))
    assert shown["approvals"] == 1
    (entry,) = newest_entries(folder, 1)
    assert (entry["actor"], entry["action"], entry["reason"]) == ("anna as root", "site:changed", "two keys")
    assert (entry["before"]["approvals"], entry["facts"]["approvals"]) == ("0", "1")
    wrong = engage(folder, "site", "change", "main", "--approvals", "2")
    assert (wrong.returncode, "is not one of '0', '1'" in wrong.stderr) == (2, True)


def test_a_cut_over_by_two(folder: Path) -> None:
    started = flat(ok(engage(folder, "rotate", "start", "--way", "cut-over", "--yes", SUDO_USER="anna")))
    assert "it serves a new root at once; one person other than anna must approve it" in started
    for name, code in (("anna", "approval.same_person"), ("", "approval.nobody"), ("root", "approval.nobody")):
        refused = engage(folder, "rotate", "approve", *WHY, "--yes", SUDO_USER=name)
        assert refused.returncode == 1, refused.stderr
        assert code in refused.stderr
    assert progress(folder)["approvals"] == []
    lifted = engage(folder, "site", "change", "main", "--approvals", "0", SUDO_USER="anna")
    assert (lifted.returncode, "rotation.open" in lifted.stderr) == (1, True)
    past = engage(folder, "release", "activate", "2", "--yes", SUDO_USER="anna")
    assert (past.returncode, "approval.missing" in past.stderr) == (1, True)
    approved = flat(ok(engage(folder, "rotate", "approve", *WHY, "--yes", SUDO_USER="bert")))
    assert "approved by bert as root: we looked at the doors" in approved
    assert "approved: release 2 by bert," in approved
    assert "release 2 of main is served (step 1 of 1)" in approved
    found = progress(folder)
    assert (found["served"], found["approved"]) == (2, False)
    assert [(each["step"], each["person"], each["alone"]) for each in found["approvals"]] == [(0, "bert", False)]


def test_back_without_a_second_person(folder: Path) -> None:
    ok(engage(folder, "rotate", "start", "--way", "cut-over", "--yes", SUDO_USER="anna"))
    ok(engage(folder, "rotate", "approve", *WHY, "--yes", SUDO_USER="bert"))
    kept = engage(folder, "rotate", "abort", "--keep", SUDO_USER="anna")
    assert (kept.returncode, "approval.missing" in kept.stderr) == (1, True)
    assert "release 1 is current" in ok(engage(folder, "rotate", "abort", SUDO_USER="anna"))


def test_alone_is_said_everywhere(folder: Path) -> None:
    ok(engage(folder, "rotate", "start", "--way", "cut-over", "--yes", SUDO_USER="anna"))
    without_a_reason = engage(folder, "rotate", "approve", "--alone", "--yes")
    assert (without_a_reason.returncode, "--reason" in without_a_reason.stderr) == (2, True)
    alone = flat(ok(engage(folder, "rotate", "approve", "--alone", *WHY, "--yes")))
    assert "approved by root without a second person: we looked at the doors" in alone
    action = next(each for each in newest_entries(folder, 3) if each["action"] == "rotation:approved-alone")
    assert (action["actor"], action["reason"]) == ("root", "we looked at the doors")
    assert "approved alone: release 2 by root," in flat(ok(engage(folder, "rotate", "status")))
    assert "approved alone: release 2 by root," in flat(engage(folder, "status").stdout)
    assert progress(folder)["approvals"][0]["alone"] is True
    ok(engage(folder, "rotate", "approve", "--reason", "no door is here yet", SUDO_USER="bert"))
    assert progress(folder)["state"] == "done"
    ended = engage(folder, "status").stdout
    assert "approved alone: release 2 by root," in flat(ended), "also when it has ended"
    assert json.loads(engage(folder, "status", "--json").stdout)["sites"][0]["approved_alone"] == 1


def test_without_the_rule_all_is_as_ever(installation: Path) -> None:
    started = ok(engage(installation, "rotate", "start", "--way", "cut-over"))
    assert "second person" not in started
    approved = ok(engage(installation, "rotate", "approve", "--reason", "no device is here yet", "--alone"))
    assert "done: release 2" in approved
    assert {each["action"] for each in newest_entries(installation, 3)} >= {"rotation:approved"}
    assert "rotation:approved-alone" not in ok(engage(installation, "audit", "show", "--json"))


def test_no_variable_names_another_person(installation: Path) -> None:
    """Before, LOGNAME=bert was bert in the audit log."""
    mine = pwd.getpwuid(getuid()).pw_name
    change = ("site", "change", "main", "--approvals", "1")
    ok(engage_process(installation, *change, LOGNAME="bert", USER="bert", LNAME="bert", USERNAME="bert", SUDO_USER=""))
    (entry,) = newest_entries(installation, 1)
    assert entry["actor"] == mine
