"""How the poll of an account is shown: in lists of links, in checks, and for scripts."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.composition.operator_side import open_operator_side
from engage_server.links.sim.polling.host_turns import folder_of
from engage_server.links.sim.polling.memory import AccountMemory, to_text
from engage_server.settings import load_settings
from engage_server.store.link_tables import sim_polls
from tests.support.commands import engage
from tests.support.installation import make_installation
from tests.support.running import ok
from tests.support.sim.stateful import sim_tables

ICCID = "8931440000000000001"


def good(*, ended: timedelta = timedelta()) -> AccountMemory:
    """A poll that ended just now, or so long ago. By the test's own start: a run of all tests takes an hour."""
    now = datetime.now(UTC).replace(microsecond=0)
    return AccountMemory(began_at=now, ended_at=now - ended, answered_at=now, rounds=3, things=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_installation(tmp_path_factory.mktemp("polls"))
    (folder / "links.toml").write_text(sim_tables(folder, "http://127.0.0.1:9", ICCID, every=15))
    return folder


def remember(folder: Path, memory: AccountMemory) -> None:
    """As a poll of this host would."""
    of_account = folder_of(folder / "data" / "links", "jpu")
    of_account.mkdir(parents=True, exist_ok=True)
    (of_account / "memory.json").write_text(to_text(memory))


def check_of_poll(folder: Path) -> tuple[str, str]:
    checks = json.loads(engage(folder, "link", "check", "--json").stdout)["checks"]
    return next((each["level"], each["sentence"]) for each in checks if each["name"] == "poll jpu")


def test_an_account_that_answers(folder: Path) -> None:
    memory = good()
    remember(folder, memory)
    assert memory.answered_at is not None
    assert check_of_poll(folder) == ("ok", f"account jpu answered at {memory.answered_at:%Y-%m-%d %H:%M} UTC: 1 SIM")
    assert "account jpu answered at" in ok(engage(folder, "link", "list"))
    (listed,) = json.loads(ok(engage(folder, "link", "list", "--json")))
    assert listed["account"] == {
        "name": "jpu",
        "every_seconds": 900,
        "asked_at": memory.answered_at.isoformat(),
        "answered_at": memory.answered_at.isoformat(),
        "sims": 1,
        "trouble": None,
        "trouble_since": None,
    }


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (AccountMemory(), "was never asked"),
        (good(ended=timedelta(hours=2)), "too long ago"),
        (replace(good(), trouble="no answer within 30 s", trouble_since=datetime.now(UTC)), "in trouble since"),
    ],
)
def test_what_is_wrong_is_a_warning_and_no_word_of_a_path(folder: Path, memory: AccountMemory, words: str) -> None:
    remember(folder, memory)
    level, sentence = check_of_poll(folder)
    assert level == "warning"
    assert words in sentence
    (listed,) = json.loads(ok(engage(folder, "link", "list", "--json")))
    assert listed["path"]["state"] == "unknown"


def test_the_database_counts_before_this_hosts_files(folder: Path) -> None:
    """Where the polls of several hosts share one."""
    remember(folder, AccountMemory())
    side = open_operator_side(load_settings(None, {}, {}, folder), {})
    row = {"account": "jpu", "version": 1, "held_until": datetime.now(UTC), "memory": to_text(good())}
    with side._store._engine.begin() as connection:
        connection.execute(sim_polls.insert().values(row))
    assert check_of_poll(folder)[0] == "ok"
    with side._store._engine.begin() as connection:
        connection.execute(sim_polls.delete())
    side.close()
    assert check_of_poll(folder)[0] == "warning"


def test_an_account_without_a_pace_is_not_polled(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "links.toml"
    other.write_text(sim_tables(tmp_path, "http://127.0.0.1:9", ICCID, every=None))
    listed = json.loads(ok(engage(folder, "link", "list", "--json", ENGAGE_LINKS_FILE=str(other))))
    assert "account" not in listed[0]
    refused = engage(folder, "serve", "links", ENGAGE_LINKS_FILE=str(other))
    assert refused.returncode == 2
    assert "no account to poll" in refused.stderr
