"""A SIM that a command only reads says something of a path: it is recorded at once, and only if it is new."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engage_server.links.sim.polling.host_turns import HostTurns
from engage_server.links.sim.polling.memory import AccountMemory, LinkMemory, from_text, to_text
from engage_server.links.sim.polling.said_elsewhere import NoJournal
from engage_server.links.sim.things import ThingState
from tests.support.commands import engage, ok
from tests.support.sim.memory import MemoryAccount, iccid, sims

READERS = [
    ("list",),
    ("list", "--json"),
    ("list", "--state", "SUSPENDED"),
    ("show", "--site", "main", "--json"),
    ("plan", iccid(1), "--to", "ACTIVE"),
    ("set", iccid(1), "--to", "SUSPENDED", "--yes"),  # it is so already
    ("set", iccid(1), "--to", "ACTIVE", "--dry-run"),
    ("tag", "add", "winter", iccid(1), "--dry-run"),
    ("services", iccid(1), "--only", "data", "--dry-run"),
    ("lock-address", iccid(1)),
    ("nat", "add", iccid(1), "--network", "net-1", "--outside-port", "1", "--inside-port", "1", "--yes"),
]


@pytest.fixture(autouse=True)
def path_is_fine(sim_folder: Path, account: MemoryAccount) -> Iterator[None]:
    """Each test begins with a SIM that is ACTIVE, and with a path of which no trouble is known."""
    ok(engage(sim_folder, "sim", "set", iccid(1), "--to", "SUSPENDED", "--yes"))
    ok(engage(sim_folder, "sim", "set", iccid(1), "--to", "ACTIVE", "--yes"))
    assert path(sim_folder)["state"] == "unknown"
    yield


def path(folder: Path) -> dict[str, Any]:
    (link,) = json.loads(engage(folder, "link", "list", "--json").stdout)
    found: dict[str, Any] = link["path"]
    return found


def events(folder: Path) -> list[str]:
    """The kinds of all events, newest first."""
    return [each["kind"] for each in json.loads(ok(engage(folder, "link", "events", "--json")))]


def become(account: MemoryAccount, state: ThingState) -> None:
    """The operator of the SIM changes its state, and says it to nobody."""
    account.by_name[iccid(1)] = replace(sims(1)[0], state=state, word=state.value)


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_sim_that_is_found_suspended_cuts_its_path(
    sim_folder: Path, account: MemoryAccount, words: tuple[str, ...]
) -> None:
    before = events(sim_folder)
    become(account, ThingState.SUSPENDED)
    engage(sim_folder, "sim", *words)
    assert (path(sim_folder)["state"], path(sim_folder)["said_by"]) == ("cut", "sim_suspended")
    engage(sim_folder, "sim", *words)
    assert events(sim_folder) == ["sim_suspended", *before], "it is said once"


def test_and_one_that_is_found_active_again_ends_it(sim_folder: Path, account: MemoryAccount) -> None:
    before = events(sim_folder)
    become(account, ThingState.SUSPENDED)
    ok(engage(sim_folder, "sim", "show", iccid(1)))
    become(account, ThingState.ACTIVE)
    ok(engage(sim_folder, "sim", "list"))
    assert path(sim_folder)["state"] == "unknown"
    ok(engage(sim_folder, "sim", "list"))
    assert events(sim_folder) == ["sim_active", "sim_suspended", *before]


def test_what_says_nothing_new_or_carries_no_site_is_not_recorded(sim_folder: Path, account: MemoryAccount) -> None:
    before = events(sim_folder)
    account.by_name[iccid(2)] = replace(sims(2)[1], state=ThingState.SUSPENDED)
    for words in READERS:
        if words[0] not in ("set", "lock-address"):
            engage(sim_folder, "sim", *words)
    assert events(sim_folder) == before


def test_a_sim_that_the_network_does_not_reach_is_not_restored_because_it_is_active(
    sim_folder: Path, account: MemoryAccount
) -> None:
    from engage_server.composition.operator_side import open_operator_side
    from engage_server.records import PathEvent, PathSays
    from engage_server.settings import load_settings

    side = open_operator_side(load_settings(None, {}, {}, sim_folder), {})
    at = datetime.now(UTC)
    side.path_recording.record([PathEvent("main", "depot-sim", at, "sim_unreachable", PathSays.DEGRADED, {})])
    ok(engage(sim_folder, "sim", "list"))
    assert path(sim_folder)["said_by"] == "sim_unreachable"
    # never ahead of the clock: what the next test says would be older, and change nothing
    over = PathEvent("main", "depot-sim", datetime.now(UTC), "sim_reachable", PathSays.RESTORED, {})
    side.path_recording.record([over])
    side.close()


def test_the_poll_learns_it_too(sim_folder: Path, account: MemoryAccount) -> None:
    turns = HostTurns(sim_folder / "data" / "links", NoJournal())
    turn = turns.take("jpu", turns.look("jpu"))
    assert turn is not None
    turn.end(to_text(AccountMemory(links={"depot-sim": LinkMemory("sim_active", "restored")})), ())
    become(account, ThingState.SUSPENDED)
    assert "warning" not in engage(sim_folder, "sim", "list").stderr
    assert from_text(turns.look("jpu").memory).links["depot-sim"] == LinkMemory("", "cut")


def test_without_an_installation_it_is_a_warning(tmp_path: Path, sim_folder: Path, account: MemoryAccount) -> None:
    (tmp_path / "engage.toml").touch()
    (tmp_path / "links.toml").write_text((sim_folder / "links.toml").read_text())
    done = engage(tmp_path, "sim", "list")
    assert done.returncode == 0
    assert "is not recorded" in done.stderr
