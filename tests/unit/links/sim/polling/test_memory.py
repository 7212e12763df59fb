"""What a poll remembers survives as text, and anything else is as if nothing were remembered."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.links.sim.polling.memory import AccountMemory, LinkMemory, ThingMemory, from_text, to_text
from engage_server.links.sim.polling.pace import pause
from tests.support.polling import EVERY, NOON

WHOLE = AccountMemory(
    began_at=NOON,
    ended_at=NOON + timedelta(seconds=3),
    answered_at=NOON,
    failures=2,
    trouble="it does not answer",
    trouble_since=NOON,
    wait_seconds=60.0,
    stretch=0.95,
    rounds=7,
    things=2,
    links={
        "depot-sim": LinkMemory("sim_active", "restored", NOON, 3, {"1": ThingMemory("49", NOON), "2": ThingMemory()})
    },
)


def test_what_is_written_is_read() -> None:
    assert from_text(to_text(WHOLE)) == WHOLE
    assert from_text(to_text(AccountMemory())) == AccountMemory()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version":2}', "[" * 100_000, "\ud800"])
def test_what_cannot_be_read_is_nothing(text: str) -> None:
    assert from_text(text) == AccountMemory()


@given(st.data())
def test_a_changed_value_is_read_or_nothing(data: st.DataObject) -> None:
    found: dict[str, Any] = json.loads(to_text(WHOLE))
    key = data.draw(st.sampled_from(sorted(found)))
    found[key] = data.draw(st.none() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({"a": 1}))
    memory = from_text(json.dumps(found))
    assert from_text(to_text(memory)) == memory


@pytest.mark.parametrize(
    ("key", "found"),
    [("wait_seconds", "Infinity"), ("wait_seconds", "1e13"), ("wait_seconds", "-5"), ("stretch", "1e300")],
)
def test_a_pause_that_makes_no_sense_stops_no_poll(key: str, found: str) -> None:
    known: dict[str, Any] = json.loads(to_text(WHOLE)) | {key: 0}
    memory = from_text(json.dumps(known).replace(f'"{key}": 0', f'"{key}": {found}'))
    assert memory.rounds == WHOLE.rounds
    assert timedelta(0) <= pause(memory, EVERY) <= timedelta(hours=8.8)


def test_a_pause_that_is_no_number_is_nothing() -> None:
    assert from_text(to_text(replace(WHOLE, stretch=float("nan")))) == AccountMemory()


def test_a_time_without_a_zone_is_nothing() -> None:
    text = to_text(replace(WHOLE, ended_at=NOON.replace(tzinfo=None)))
    assert from_text(text) == AccountMemory()
