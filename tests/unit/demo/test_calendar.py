"""Nights by the time of a site: all of them are over, and the newest is the newest that could be."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.demo.calendar import SiteCalendar
from engage_server.demo.sites import ALL

ZONES = [site.time_zone for site in ALL]
DAY, OVER = timedelta(days=1), timedelta(hours=4, minutes=15)


@given(seconds=st.integers(0, 6 * 366 * 86400), zone=st.sampled_from(ZONES))
def test_the_last_night_is_over_and_the_next_is_not(seconds: int, zone: str) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    calendar = SiteCalendar.until(now, zone, 60)
    hour = timedelta(hours=1)  # a clock that is set back or forth for the summer
    assert calendar.at(59, 4, 15) <= now
    assert now - calendar.at(59, 4, 15) < DAY + hour
    assert calendar.at(60, 4, 15) > now
    assert abs(calendar.at(59, 0) - calendar.at(0, 0) - 59 * DAY) <= hour


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        pytest.param("2026-06-15T02:14+00:00", "2026-06-13T22:00+00:00", id="a minute before it is over in Berlin"),
        pytest.param("2026-06-15T02:15+00:00", "2026-06-14T22:00+00:00", id="over"),
    ],
)
def test_a_night_is_over_at_a_quarter_past_four(now: str, begins: str) -> None:
    calendar = SiteCalendar.until(datetime.fromisoformat(now), "Europe/Berlin", 6)
    assert calendar.at(5, 0) == datetime.fromisoformat(begins)
