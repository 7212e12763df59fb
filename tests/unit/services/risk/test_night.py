"""Tonight ends at the next noon at the site."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.services.risk.night import end_of_night


@pytest.mark.parametrize(
    ("zone", "now", "end"),
    [
        ("UTC", "2026-11-26 20:00", "2026-11-27 12:00"),
        ("UTC", "2026-11-27 03:00", "2026-11-27 12:00"),
        ("UTC", "2026-11-27 12:00", "2026-11-28 12:00"),
        ("Europe/Berlin", "2026-11-27 10:59", "2026-11-27 11:00"),
        ("Europe/Berlin", "2026-07-01 20:00", "2026-07-02 10:00"),
        ("Europe/Berlin", "2026-10-24 20:00", "2026-10-25 11:00"),  # the clocks go back
        ("Pacific/Auckland", "2026-11-26 20:00", "2026-11-26 23:00"),
        ("America/Los_Angeles", "2026-11-27 05:00", "2026-11-27 20:00"),
    ],
)
def test_the_next_noon(zone: str, now: str, end: str) -> None:
    assert end_of_night(_utc(now), ZoneInfo(zone)) == _utc(end)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@given(
    st.integers(0, 10**9).map(lambda seconds: datetime.fromtimestamp(1_577_836_800 + seconds, UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu"]),
)
def test_it_lies_ahead_and_is_noon_there(now: datetime, zone: str) -> None:
    end = end_of_night(now, ZoneInfo(zone))
    here = end.astimezone(ZoneInfo(zone))
    assert now < end
    assert (end - now).total_seconds() <= 25 * 3600
    assert (here.hour, here.minute) == (12, 0)
