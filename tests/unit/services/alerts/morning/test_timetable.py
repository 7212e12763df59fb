"""When the morning mail is due, also in nights in which clocks change and on days that a zone skips."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engage_server.services.alerts.morning.timetable import Morning, morning_at

BERLIN, SAO_PAULO = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Sao_Paulo")
MINUTE = timedelta(minutes=1)


def mornings(zone: ZoneInfo, first: datetime, hours: int) -> list[Morning]:
    """The mornings that somebody meets who looks each minute: each once, when it is first due."""
    found: dict[object, Morning] = {}
    for minute in range(hours * 60):
        morning = morning_at(first + minute * MINUTE, zone)
        if morning is not None:
            found.setdefault(morning.day, morning)
    return list(found.values())


@pytest.mark.parametrize(
    ("zone", "day", "at"),
    [
        ("Europe/Berlin", "2026-03-28", "2026-03-28 05:30"),
        ("Europe/Berlin", "2026-03-29", "2026-03-29 04:30"),  # forward at 02:00
        ("Europe/Berlin", "2026-10-25", "2026-10-25 05:30"),  # back at 03:00
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17 08:30"),
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18 09:30"),  # back at midnight: 23:30 came twice the day before
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04 08:30"),  # forward at midnight: there is no 00:30
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04 20:00"),  # back by half an hour
        ("Asia/Kathmandu", "2026-01-01", "2026-01-01 00:45"),
    ],
)
def test_it_is_due_at_half_past_six_by_the_clock_on_the_wall(zone: str, day: str, at: str) -> None:
    due = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert morning_at(due - MINUTE, ZoneInfo(zone)) is None
    found = morning_at(due, ZoneInfo(zone))
    assert found is not None
    assert (str(found.day), found.at, found.is_late) == (day, due, False)


@pytest.mark.parametrize(
    ("zone", "first"),
    [(BERLIN, "2026-03-26"), (BERLIN, "2026-10-22"), (SAO_PAULO, "2018-02-15"), (SAO_PAULO, "2018-11-01")],
)
def test_each_day_has_one_morning_around_a_change(zone: ZoneInfo, first: str) -> None:
    begin = datetime.fromisoformat(first).replace(tzinfo=UTC)
    found = mornings(zone, begin, 24 * 6)
    days = [each.day for each in found]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert all(each.at.astimezone(zone).strftime("%H:%M") == "06:30" for each in found)


def test_a_time_that_does_not_exist_is_when_it_would_have_been() -> None:
    """At Vostok, the clocks went from midnight to 07:00 on 1 November 1994."""
    found = mornings(ZoneInfo("Antarctica/Vostok"), datetime(1994, 10, 31, tzinfo=UTC), 72)
    assert [(str(each.day), each.at.isoformat()[:16]) for each in found] == [
        ("1994-10-31", "1994-10-31T06:30"),
        ("1994-11-01", "1994-11-01T06:30"),
        ("1994-11-02", "1994-11-01T23:30"),
        ("1994-11-03", "1994-11-02T23:30"),
    ]


def test_a_day_that_a_zone_skips_has_no_morning() -> None:
    """Samoa went from 29 to 31 December 2011."""
    found = mornings(ZoneInfo("Pacific/Apia"), datetime(2011, 12, 28, tzinfo=UTC), 24 * 5)
    days = [str(each.day) for each in found]
    assert "2011-12-30" not in days
    assert days == ["2011-12-27", "2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02"]
    moments = [each.at for each in found]
    assert moments == sorted(set(moments))


def test_a_time_that_comes_twice_counts_the_first_time() -> None:
    """Kwajalein lived 30 September 1969 nearly twice."""
    found = mornings(ZoneInfo("Pacific/Kwajalein"), datetime(1969, 9, 28, 20, tzinfo=UTC), 96)
    days = [str(each.day) for each in found]
    assert days == ["1969-09-29", "1969-09-30", "1969-10-01", "1969-10-02"]
    assert found[1].at == datetime(1969, 9, 29, 19, 30, tzinfo=UTC)


def test_what_was_missed_is_late_until_the_day_ends() -> None:
    due = datetime(2026, 11, 27, 5, 30, tzinfo=UTC)
    on_time, late = morning_at(due + 30 * MINUTE, BERLIN), morning_at(due + 31 * MINUTE, BERLIN)
    assert on_time is not None and not on_time.is_late
    assert late is not None and late.is_late
    last = morning_at(datetime(2026, 11, 27, 22, 59, tzinfo=UTC), BERLIN)
    assert last is not None and str(last.day) == "2026-11-27"
    assert morning_at(datetime(2026, 11, 27, 23, 1, tzinfo=UTC), BERLIN) is None, "nothing for a day that is past"


def test_monday_is_that_of_the_zone() -> None:
    sunday_in_utc = datetime(2026, 11, 29, 18, tzinfo=UTC)
    there = morning_at(sunday_in_utc, ZoneInfo("Pacific/Kiritimati"))
    here = morning_at(sunday_in_utc, BERLIN)
    assert there is not None and there.is_weekly
    assert here is not None and not here.is_weekly
