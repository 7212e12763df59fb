"""The last safe days of a site, and the calendar file as somebody else's library reads it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from engage_server.records import AnchorRole, Host, Site
from engage_server.services.installation.last_safe_days import LastSafeDay, calendar_file, last_safe_days
from engage_server.services.installation.overview import SiteStatus
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import NOW
from tests.support.world import World, serving

SITE = Site("main", (Host("locks.example.org"),), AnchorRole.ROOT, True, (), NOW, title="Depot Nord")
DAY = LastSafeDay("server", date(2027, 3, 1), datetime(2027, 3, 20, 12, 30, tzinfo=UTC))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site that serves its first release."""
    with serving(tmp_path) as world:
        yield world


def read(text: str | bytes) -> Any:
    """The file as somebody else reads it."""
    return Calendar.from_ical(text)


def status(world: World) -> SiteStatus:
    """What is known of the site."""
    return world.overview.look_at("main", world.occasion)


def test_each_certificate_has_one_and_the_next_is_first(world: World) -> None:
    found = last_safe_days(status(world))
    assert [each.role for each in found] == ["server", "intermediate", "root"]
    assert [each.day for each in found] == sorted(each.day for each in found)
    assert found[0].day == status(world).certificates[0].last_safe_start.date()


def test_a_day_is_that_of_the_site(world: World) -> None:
    """It is the next day already in the east."""
    before = last_safe_days(status(world))
    start = status(world).certificates[0].last_safe_start
    assert start.tzinfo is not None
    world.sites.change(world.store.site("main"), SiteChanges(time_zone="Pacific/Kiritimati"), "", world.occasion)
    after = last_safe_days(status(world))
    assert after[0].day - before[0].day == timedelta(days=int(start.astimezone(UTC).hour >= 10))


def test_a_link_has_none(world: World) -> None:
    found = status(world)
    (server, *_) = found.certificates
    link = replace(server, expiry=replace(server.expiry, role="link"))
    assert last_safe_days(replace(found, certificates=(server, link))) == last_safe_days(
        replace(found, certificates=(server,))
    )


def test_a_site_that_serves_nothing_has_none(world: World) -> None:
    world.add_site("new", (Host("new.example.org"),))
    assert last_safe_days(world.overview.look_at("new", world.occasion)) == ()


def test_the_file_says_when_what_and_how() -> None:
    calendar = read(calendar_file(SITE, [DAY], NOW))
    assert (calendar["VERSION"], calendar.errors) == ("2.0", [])
    (event,) = calendar.walk("VEVENT")
    assert event.errors == []
    assert (event.start, event.end) == (date(2027, 3, 1), date(2027, 3, 2))
    assert event["SUMMARY"] == "Depot Nord: last safe day for the server certificate"
    assert "ends 2027-03-20 12:30 UTC" in event["DESCRIPTION"]
    assert event["DESCRIPTION"].endswith("engage rotate plan --site main")
    assert event["DTSTAMP"].dt == NOW
    (alarm,) = event.walk("VALARM")
    assert alarm["TRIGGER"].dt == timedelta(days=-14)


def test_a_later_file_moves_an_event_and_makes_no_second_one() -> None:
    """A renewed certificate is another event."""

    def identity(day: LastSafeDay, site: Site = SITE) -> str:
        (event,) = read(calendar_file(site, [day], NOW)).walk("VEVENT")
        return str(event["UID"])

    assert identity(DAY) == identity(replace(DAY, day=date(2027, 2, 20)))
    others = {
        identity(replace(DAY, role="root")),
        identity(replace(DAY, ends=DAY.ends + timedelta(days=800))),
        identity(DAY, replace(SITE, name="other")),
    }
    assert len(others | {identity(DAY)}) == 4


@given(st.text(max_size=80))
def test_any_title_comes_through(title: str) -> None:
    """No line is longer than a reader must take, and none is made by a title."""
    written = calendar_file(replace(SITE, title=title), [DAY], NOW)
    lines = written.encode("utf-8", "surrogatepass").split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert not [each for each in lines if b"\r" in each or b"\n" in each]
    calendar = read(written.encode("utf-8", "replace"))
    assert len(calendar.walk("VEVENT")) == 1
    if title.isprintable() and title:
        assert calendar.walk("VEVENT")[0]["SUMMARY"] == f"{title}: last safe day for the server certificate"
