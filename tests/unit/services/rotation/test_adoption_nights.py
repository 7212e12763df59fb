"""Which release's nights are shown, in which zone, and by whose limits."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engage_server.errors import NotFound
from engage_server.records import GatePolicy, Limit, RequiredEvidence, RotationWay
from engage_server.services.rotation.adoption_nights import (
    MOST_NIGHTS,
    AdoptionByNight,
    AdoptionNights,
    Night,
    nights_of,
)
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import NOW
from tests.support.world import World, serial_of

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DEVICES = 10


@pytest.fixture
def site(world: World) -> World:
    """A site whose ten devices have come through for a week."""
    world.add_site()
    world.release()
    for night in range(-7, 0):
        world.see(*(world.finished(device, 1, NOW + night * DAY) for device in range(DEVICES)))
    return world


def counts(world: World, after: timedelta) -> list[int]:
    found = AdoptionNights(world.store).of_site("main", NOW + after)
    assert found is not None
    return [night.confirmed for night in found.nights]


def test_the_present_step_of_an_open_rotation(site: World) -> None:
    policy = GatePolicy(missing=Limit(2, 50.0), lost=Limit(1, 30.0), soak_hours=0, asks=True)
    site.rotations.start(site.request(RotationWay.SERVER_RENEWAL, policy=policy), site.occasion)
    midnight = NOW.replace(hour=0) + 2 * DAY  # not before the first whole night, at whatever hour this runs
    site.see(*(site.finished(device, 2, midnight) for device in range(6)))
    site.see(*(site.finished(device, 2, midnight + DAY) for device in range(9)))
    found = AdoptionNights(site.store).of_site("main", midnight + DAY + 2 * HOUR)
    assert found is not None
    assert (found.release, found.devices, found.missing, found.enough, found.lost) == (2, 10, 2, 8, 3)
    assert [night.confirmed for night in found.nights if night.confirmed] == [6, 9]
    assert found.nights[-1].date - found.nights[-2].date == DAY


def test_the_current_release_without_a_rotation_and_the_limits_of_the_one_that_brought_it(site: World) -> None:
    plain = AdoptionNights(site.store).of_site("main", NOW + HOUR)
    assert plain is not None
    assert (plain.release, plain.missing, plain.lost) == (1, 0, 2), "the usual limits"
    policy = GatePolicy(missing=Limit(9, 100.0), soak_hours=0)
    site.rotations.start(site.request(RotationWay.SERVER_RENEWAL, policy=policy), site.occasion)
    site.see(*(site.finished(device, 2, NOW + 6 * HOUR) for device in range(DEVICES)))
    site.rotations.go_on("main", site.later(hours=7))
    assert site.rotations.open_rotation("main") is None, "it is done"
    done = AdoptionNights(site.store).of_site("main", NOW + 7 * HOUR)
    assert done is not None
    assert (done.release, done.missing, done.nights[-1].confirmed) == (2, 9, 10)


def test_a_site_that_serves_nothing_has_none_and_a_missing_site_is_an_error(world: World) -> None:
    world.add_site()
    assert AdoptionNights(world.store).of_site("main", NOW) is None
    with pytest.raises(NotFound):
        AdoptionNights(world.store).of_site("south", NOW)


def test_evidence_without_a_token_counts_only_where_it_is_asked_for(site: World) -> None:
    site.see(replace(site.finished(1, 1, NOW - HOUR), authenticated=True, token_time=1))
    site.rotations.start(site.request(RotationWay.SERVER_RENEWAL), site.occasion)
    site.see(*(site.finished(device, 2, NOW + 6 * HOUR) for device in range(6)))
    assert counts(site, 7 * HOUR)[-1] == 6
    site.sites.change(site.store.site("main"), SiteChanges(evidence=RequiredEvidence.AUTHENTICATED), "", site.occasion)
    assert counts(site, 7 * HOUR)[-1] == 0
    site.see(replace(site.finished(1, 2, NOW + 8 * HOUR), authenticated=True, token_time=2))
    assert counts(site, 9 * HOUR)[-1] == 1


def test_strangers_do_not_count_at_a_site_with_a_list(site: World) -> None:
    site.sites.add_devices([serial_of(1), serial_of(2)], "main", site.occasion)
    site.rotations.start(site.request(RotationWay.SERVER_RENEWAL), site.occasion)
    site.see(*(site.finished(device, 2, NOW + 6 * HOUR) for device in range(6)))
    assert counts(site, 7 * HOUR)[-1] == 2


def test_a_release_that_was_served_before_counts_from_the_last_visit(site: World) -> None:
    """When a device first came back to it is not known, so it is not said to have come before it was served."""
    site.release()
    site.see(*(site.finished(device, 2, NOW + 6 * HOUR) for device in range(DEVICES)))
    site.releases.activate("main", 1, {}, site.later(hours=30))
    assert counts(site, 31 * HOUR) == [0]
    site.see(*(site.finished(device, 1, NOW + 33 * HOUR) for device in range(4)))
    assert counts(site, 34 * HOUR)[-1] == 4


def test_nights_are_those_of_the_site_also_when_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    since = datetime(2026, 10, 24, 11, 0, tzinfo=UTC)  # 13:00 there; the clocks change the night after
    noon = datetime(2026, 10, 25, 11, 0, tzinfo=UTC)  # 12:00 there, 25 hours after the noon before
    came = {noon - timedelta(minutes=15): 3, noon: 4}
    found = nights_of(came, since, noon + HOUR, berlin)
    assert found == (Night(date(2026, 10, 24), 3), Night(date(2026, 10, 25), 7))


def test_only_the_last_nights_are_shown_and_earlier_ones_are_added_up() -> None:
    came = {NOW - 100 * DAY: 5, NOW - 2 * DAY: 1}
    found = nights_of(came, NOW - 101 * DAY, NOW, UTC)
    assert len(found) == MOST_NIGHTS
    assert (found[0].confirmed, found[-1].confirmed) == (5, 6)


def test_a_clock_that_was_set_back_shows_one_night() -> None:
    assert [night.confirmed for night in nights_of({NOW: 3}, NOW, NOW - 5 * DAY, UTC)] == [3]


def shown(counts: list[int], *, is_judged: bool) -> list[int]:
    nights = tuple(Night(date(2026, 11, 1) + number * DAY, count) for number, count in enumerate(counts))
    return [night.confirmed for night in AdoptionByNight(1, 10, nights, 0, 2, is_judged, date(2026, 11, 1)).shown]


def test_nights_are_told_until_the_last_door_came_while_no_gate_judges() -> None:
    assert shown([*range(1, 10), *[9] * 29], is_judged=False) == list(range(1, 10))
    assert shown([*range(1, 10), *[9] * 29], is_judged=True) == [*range(1, 10), *[9] * 29]
    assert shown([3] * 29, is_judged=False) == [3] * 7
    assert shown([3], is_judged=False) == [3]


def test_a_sentence_says_which_doors_count(site: World) -> None:
    site.rotations.start(site.request(RotationWay.SERVER_RENEWAL), site.occasion)
    site.see(*(site.finished(device, 2, NOW + 6 * HOUR) for device in range(4)))
    found = AdoptionNights(site.store).of_site("main", NOW + 40 * HOUR)
    assert found is not None
    assert found.is_judged
    night = found.nights[0].date
    assert found.sentence == (
        f"10 doors called well before {NOW:%Y-%m-%d}, when release 2 was served. "
        f"By the night of {night:%Y-%m-%d}, 4 of them had come through"
    )


@pytest.mark.parametrize(("hour", "begins"), [(11, 24), (6, 24), (5, 23), (2, 23)])
def test_the_night_before_a_release_was_served_is_not_shown(site: World, hour: int, begins: int) -> None:
    """Served in the middle of a night, its first night is that one; served by day, the next one."""
    served = datetime(2026, 11, 24, hour, 0, tzinfo=UTC)
    ahead = served - NOW
    for night in range(-7, 0):
        site.see(*(site.finished(device, 1, served + night * DAY) for device in range(DEVICES)))
    site.rotations.start(site.request(RotationWay.SERVER_RENEWAL), site.later(hours=ahead // HOUR))
    found = AdoptionNights(site.store).of_site("main", served + 36 * HOUR)
    assert found is not None
    assert found.nights[0].date == date(2026, 11, begins)
