"""When doors call, measured from their last calls."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engage_server.links.policy.call_window import call_window

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def at(*hours: float) -> list[datetime]:
    """Calls at these hours of some day, UTC."""
    return [MIDNIGHT + timedelta(hours=hour, days=day) for day, hour in enumerate(hours)]


def test_the_window_holds_nearly_all_calls_with_half_an_hour_on_each_side() -> None:
    found = call_window(at(1.1, 1.2, 1.3, 2.1, 2.2), UTC, "UTC")
    assert found.in_words == "from 00:30 to 02:45 (UTC)"
    assert found.doors == 5


def test_it_may_go_around_midnight_and_is_told_in_the_zone_of_the_site() -> None:
    assert call_window(at(23.9, 23.95, 0.1, 0.2, 0.3), UTC, "UTC").in_words == "from 23:15 to 01:00 (UTC)"
    berlin = call_window(at(1, 1, 1, 1, 1), ZoneInfo("Europe/Berlin"), "Europe/Berlin")
    assert berlin.in_words == "from 01:30 to 02:45 (Europe/Berlin)"


def test_one_door_in_forty_by_day_does_not_widen_it() -> None:
    night = at(*(1.0 for _ in range(39)))
    assert call_window([*night, *at(14)], UTC, "UTC").in_words == "from 00:30 to 01:45 (UTC)"


def test_doors_that_call_all_day_have_no_window() -> None:
    assert call_window(at(*range(24)), UTC, "UTC").in_words == "all day (UTC)"


def test_too_few_doors_are_not_measured() -> None:
    found = call_window(at(13, 13, 13, 13), UTC, "UTC")
    assert found.in_words == "from 00:00 to 04:00 (UTC)"
    assert found.basis.startswith("stated by the vendor")
