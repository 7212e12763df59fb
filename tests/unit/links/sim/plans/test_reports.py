"""What changed states say of the paths to sites is recorded at once, for every link that they concern."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.plans.reports import PathReports
from engage_server.links.sim.things import Thing, ThingState
from engage_server.records import PathEvent
from engage_server.services.site_path.fold import fold
from engage_server.services.site_path.standing import PathState, link_path
from tests.support.sim.memory import MemoryAccount, iccid, silent, sims

NOW = datetime(2027, 1, 2, 3, 4, tzinfo=UTC)
ACTIVE, SUSPENDED = ThingState.ACTIVE, ThingState.SUSPENDED
ONE = SimLink("one", "north", "jpu", (iccid(1),), "", "")
TWO = SimLink("two", "south", "jpu", (iccid(1), iccid(2)), "", "")
GROUP = SimLink("group", "east", "jpu", (), "locks", "")
TAG = SimLink("tag", "west", "jpu", (), "", "winter")


def told(links: Sequence[SimLink], account: MemoryAccount, changed: Sequence[Thing]) -> dict[str, PathEvent]:
    events: list[PathEvent] = []
    reports = PathReports(links, account, events.extend)
    for each in changed:
        account.by_name[each.thing] = each
    reports.changed(changed)
    assert reports.report(NOW) == []
    return {each.link: each for each in events}


def test_each_link_that_a_sim_carries_is_told_and_no_other() -> None:
    first, second, third = sims(3)
    account = MemoryAccount([first, second, replace(third, group="spare")])
    events = told([ONE, TWO, GROUP, TAG], account, [replace(first, state=SUSPENDED)])
    assert {link: event.says.value for link, event in events.items()} == {
        "one": "cut",
        "two": "degraded",
        "group": "degraded",
    }
    assert "tag" not in events, "no SIM with this tag has changed"
    assert {event.kind for event in events.values()} == {"sim_suspended"}


def test_what_was_changed_here_is_known_better_than_a_list() -> None:
    first, second = sims(2)
    account = MemoryAccount([first, second])  # its list still has the old states
    events: list[PathEvent] = []
    reports = PathReports([GROUP], account, events.extend)
    reports.changed([replace(first, state=SUSPENDED), replace(second, state=SUSPENDED)])
    reports.report(NOW)
    assert [event.says.value for event in events] == ["cut"]


def test_one_of_two_that_is_active_again_ends_the_cut() -> None:
    """The fold never lets what is degraded end a cut, so the end is said first."""
    first, second = (replace(each, state=SUSPENDED) for each in sims(2))
    account = MemoryAccount([first, second])
    events: list[PathEvent] = []
    reports = PathReports([TWO], account, events.extend)
    reports.changed([first, second])
    reports.report(NOW)
    later = NOW.replace(hour=5)
    account.by_name[iccid(1)] = replace(first, state=ACTIVE)
    reports.changed([account.by_name[iccid(1)]])
    reports.report(later)
    assert [event.says.value for event in events] == ["cut", "restored", "degraded"]
    path = link_path(fold({}, events).standings["two"], later)
    assert (path.state, path.since) == (PathState.DEGRADED, later)


def test_a_suspension_of_one_of_two_restores_nothing() -> None:
    first, _ = sims(2)
    account = MemoryAccount(sims(2))
    assert told([TWO], account, [replace(first, state=SUSPENDED)])["two"].says.value == "degraded"


def test_a_link_whose_other_sim_cannot_be_read_is_named() -> None:
    first, _ = sims(2)
    account = MemoryAccount(sims(2))
    account.away = silent()
    events: list[PathEvent] = []
    reports = PathReports([ONE, TWO], account, events.extend)
    reports.changed([replace(first, state=SUSPENDED)])
    assert [(link.link, error.code) for link, error in reports.report(NOW)] == [("two", "upstream.silent")]
    assert [event.link for event in events] == ["one"]


def test_what_could_not_be_stored_is_reported_the_next_time() -> None:
    events: list[PathEvent] = []
    is_away = True

    def record(found: Sequence[PathEvent]) -> None:
        if is_away:
            raise StoreNotUsable("the database is away", "Start it.")
        events.extend(found)

    reports = PathReports([ONE], MemoryAccount(sims(1)), record)
    reports.changed([replace(sims(1)[0], state=SUSPENDED)])
    with pytest.raises(StoreNotUsable):
        reports.report(NOW)
    is_away = False
    reports.report(NOW)
    reports.report(NOW)
    assert [event.kind for event in events] == ["sim_suspended"]
