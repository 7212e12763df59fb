"""When an account is asked again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engage_server.links.sim.polling.memory import AccountMemory
from engage_server.links.sim.polling.pace import due_at, pause, repeat_after, stretch_of
from tests.support.polling import EVERY, NOON

DONE = AccountMemory(ended_at=NOON)


def minutes(memory: AccountMemory, every: timedelta = EVERY) -> float:
    return pause(memory, every).total_seconds() / 60


def test_the_pause_is_a_tenth_longer_or_shorter_by_chance() -> None:
    found = [minutes(replace(DONE, stretch=stretch_of(chance))) for chance in (0, 0.5, 1)]
    assert found == pytest.approx([13.5, 15, 16.5])


def test_each_failure_doubles_it_up_to_eight_hours() -> None:
    found = [minutes(replace(DONE, failures=failures)) for failures in (0, 1, 2, 5, 6, 10_000)]
    assert found == [15, 30, 60, 480, 480, 480]
    assert minutes(replace(DONE, failures=3), timedelta(hours=24)) == 24 * 60, "never shorter than the setting"


def test_the_operators_wish_counts() -> None:
    assert minutes(replace(DONE, wait_seconds=3600)) == 60
    assert minutes(replace(DONE, wait_seconds=1)) == 15


def test_it_is_due_after_the_pause() -> None:
    assert due_at(AccountMemory(), EVERY, NOON) == NOON
    assert due_at(DONE, EVERY, NOON) == NOON + EVERY


def test_a_round_in_the_future_is_of_a_wrong_clock() -> None:
    assert due_at(DONE, EVERY, NOON - timedelta(hours=1)) == NOON - timedelta(hours=1)
    # the negative control: clocks of two hosts differ by some seconds
    assert due_at(DONE, EVERY, NOON - timedelta(seconds=5)) == NOON + EVERY


def test_a_path_is_confirmed_in_the_round_before_it_is_doubted() -> None:
    assert repeat_after(timedelta(minutes=60), EVERY) == timedelta(minutes=43.5)
    assert repeat_after(timedelta(minutes=10), EVERY) == timedelta(0)
    assert repeat_after(None, EVERY) < timedelta(hours=13)
