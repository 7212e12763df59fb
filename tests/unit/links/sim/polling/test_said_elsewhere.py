"""A poll says trouble again that a command ended meanwhile, and its end after trouble that a command said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.polling.host_turns import HostTurns, folder_of
from engage_server.links.sim.polling.judging import Seen, judged
from engage_server.links.sim.polling.memory import AccountMemory, LinkMemory, from_text, to_text
from engage_server.links.sim.polling.said_elsewhere import NoJournal, remember_said
from engage_server.links.sim.things import ThingState
from engage_server.records import PathSays
from tests.support.sim.memory import iccid, sims

NOW = datetime(2027, 1, 2, 3, 4, tzinfo=UTC)
LINK = SimLink("depot-sim", "depot", "jpu", (iccid(1),), "", "")
HOUR = timedelta(hours=1)


def in_state(state: ThingState) -> list[Seen]:
    return [Seen(iccid(1), replace(sims(1)[0], state=state, is_connected=None))]


def polled(turns: HostTurns, state: ThingState, at: datetime) -> list[str]:
    """What one round says."""
    look = turns.look("jpu")
    before = from_text(look.memory)
    found = judged(LINK, before.links.get("depot-sim", LinkMemory()), in_state(state), at, 8 * HOUR)
    turn = turns.take("jpu", look)
    assert turn is not None
    assert turn.end(to_text(replace(before, ended_at=at, links={"depot-sim": found.memory})), ())
    return [event.says.value for event in found.events]


@pytest.fixture
def turns(tmp_path: Path) -> HostTurns:
    return HostTurns(tmp_path, NoJournal())


def test_trouble_that_a_command_ended_is_said_when_it_comes_back(turns: HostTurns) -> None:
    assert polled(turns, ThingState.SUSPENDED, NOW) == ["cut"]
    assert polled(turns, ThingState.SUSPENDED, NOW + HOUR / 2) == [], "not twice"
    assert remember_said(turns, "jpu", {"depot-sim": PathSays.RESTORED})
    assert polled(turns, ThingState.SUSPENDED, NOW + HOUR / 1.5) == ["cut"]
    assert polled(turns, ThingState.SUSPENDED, NOW + HOUR) == []


def test_the_end_of_trouble_that_a_command_said_is_said(turns: HostTurns) -> None:
    assert polled(turns, ThingState.ACTIVE, NOW) == ["restored"]
    assert polled(turns, ThingState.ACTIVE, NOW + HOUR) == []
    assert remember_said(turns, "jpu", {"depot-sim": PathSays.CUT})
    assert polled(turns, ThingState.ACTIVE, NOW + 2 * HOUR) == ["restored"]


def test_all_else_stays_and_nothing_is_made_for_who_was_never_polled(turns: HostTurns, tmp_path: Path) -> None:
    assert remember_said(turns, "jpu", {"depot-sim": PathSays.CUT})
    assert not folder_of(tmp_path, "jpu").exists()
    polled(turns, ThingState.SUSPENDED, NOW)
    before = turns.look("jpu").memory
    assert remember_said(turns, "jpu", {"other": PathSays.CUT})
    assert turns.look("jpu").memory == before
    assert remember_said(turns, "jpu", {"depot-sim": PathSays.RESTORED})
    after = from_text(turns.look("jpu").memory)
    known = from_text(before)
    link = known.links["depot-sim"]
    assert after == replace(known, links={"depot-sim": replace(link, told="", says="restored")})
    assert after != AccountMemory()


def test_a_round_that_lasts_is_waited_for_a_while(turns: HostTurns) -> None:
    polled(turns, ThingState.SUSPENDED, NOW)
    turn = turns.take("jpu", turns.look("jpu"))
    assert turn is not None
    waited = list[float]()
    assert not remember_said(turns, "jpu", {"depot-sim": PathSays.RESTORED}, waited.append)
    assert len(waited) == 4

    def over(_: float) -> None:
        turn.drop()

    assert remember_said(turns, "jpu", {"depot-sim": PathSays.RESTORED}, over)
