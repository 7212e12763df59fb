"""The database's clock as a worker knows it: never more off than half of the way there and back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.records import StoreLook
from engage_server.serving.worker.switching.database_clock import DatabaseClock

EPOCH = datetime(2026, 11, 27, tzinfo=UTC)


def look(asked_at: float, round_trip: float, place: float = 0.5, ahead: float = 0.0, offset: float = 0.0) -> StoreLook:
    """A check at which the database read its clock at this place between the question and the answer."""
    read_at = asked_at + round_trip * (place - 0.5)
    return StoreLook(1, (), EPOCH + timedelta(seconds=read_at + ahead), asked_at, round_trip, offset)


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 2), st.floats(0, 1)), min_size=1, max_size=9))
def test_the_error_is_at_most_half_of_the_shortest_way(ways: list[tuple[float, float, float]]) -> None:
    clock, asked_at = DatabaseClock(), 1000.0
    for pause, round_trip, place in ways:
        asked_at += pause
        clock.measured(look(asked_at, round_trip, place))
    half = min(round_trip for _, round_trip, _ in ways) / 2
    assert clock.monotonic(EPOCH + timedelta(seconds=asked_at)) == pytest.approx(asked_at, abs=half * 1.5 + 0.1)
    assert abs((clock.time(asked_at) - EPOCH).total_seconds() - asked_at) <= half * 1.5 + 0.1


def test_the_shortest_way_counts_until_it_is_old() -> None:
    clock = DatabaseClock()
    clock.measured(look(1000, 0.001))
    clock.measured(look(1001, 0.4, place=1.0))
    assert clock.monotonic(EPOCH + timedelta(seconds=1001)) == pytest.approx(1001, abs=0.001)
    clock.measured(look(2500, 0.4, place=1.0))
    assert clock.monotonic(EPOCH + timedelta(seconds=2500)) == pytest.approx(2499.8, abs=0.001), "clocks drift"


def test_a_clock_that_was_set_counts_at_once() -> None:
    """Or another server has taken over: its first answer may take long, and still contradicts what is known."""
    clock = DatabaseClock()
    clock.measured(look(1000, 0.001))
    clock.measured(look(1001, 0.2, ahead=600))
    assert clock.monotonic(EPOCH + timedelta(seconds=1601)) == pytest.approx(1001, abs=0.2)


def test_the_offset_of_this_host_follows_its_clock() -> None:
    clock = DatabaseClock()
    clock.measured(look(1000, 0.001, offset=0.3))
    clock.measured(look(1001, 0.4, offset=0.45))
    before = clock.offset
    clock.measured(look(1002, 0.4, offset=12.0))
    assert (before, clock.offset) == (0.3, 12.0), "what is uncertain changes nothing; then somebody has set it"
