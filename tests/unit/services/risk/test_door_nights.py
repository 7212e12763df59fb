"""What one door did, night by night."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from engage_server.records import Sighting, SightingKind
from engage_server.services.risk.door_nights import NIGHTS_SHOWN, NightMark, nights_of, nights_of_door
from tests.support.chains import NOW
from tests.support.world import World, serial_of

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AT = datetime(2026, 11, 26, 20, tzinfo=UTC)
CAME = Sighting(SightingKind.HANDSHAKE_FINISHED, AT, "https", "192.0.2.1", serial_of(1), "main", 1)
ASKED = Sighting(SightingKind.NOTICE, AT, "http", "192.0.2.1", serial_of(1), "main", 1)
FAILED = Sighting(SightingKind.HANDSHAKE_FAILED, AT, "https", "192.0.2.1", serial_of(1), "main", 1)


def marks(*found: Sighting, now: datetime = AT, nights: int = 3) -> list[NightMark]:
    return [night.mark for night in nights_of(found, now, UTC, nights)]


def test_a_night_shows_the_best_that_the_door_did() -> None:
    nothing = NightMark.NOTHING
    assert marks() == [nothing] * 3
    assert marks(ASKED) == [nothing, nothing, NightMark.ASKED]
    assert marks(ASKED, FAILED) == [nothing, nothing, NightMark.FAILED]
    assert marks(ASKED, FAILED, CAME) == [nothing, nothing, NightMark.CAME]
    assert marks(replace(CAME, disregarded="virtual_lock")) == [nothing] * 3
    assert marks(replace(CAME, at=AT - 9 * DAY)) == [nothing] * 3


def test_a_night_begins_at_noon() -> None:
    noon = AT.replace(hour=12)
    assert marks(replace(CAME, at=noon)) == [NightMark.NOTHING, NightMark.NOTHING, NightMark.CAME]
    assert marks(replace(CAME, at=noon - HOUR)) == [NightMark.NOTHING, NightMark.CAME, NightMark.NOTHING]


def test_noon_is_that_of_the_site() -> None:
    zone = ZoneInfo("Pacific/Auckland")  # thirteen hours ahead
    (night,) = nights_of([CAME], AT, zone, 1)
    assert (night.date, night.mark, night.calls) == (date(2026, 11, 26), NightMark.CAME, 1)


@given(st.integers(0, 800), st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/St_Johns"]))
def test_a_night_in_which_the_clocks_change_is_one_night(hours: int, zone: str) -> None:
    found = nights_of([], datetime(2026, 3, 10, tzinfo=UTC) + hours * HOUR, ZoneInfo(zone))
    days = [night.date for night in found]
    assert len(days) == NIGHTS_SHOWN
    assert days == [days[0] + timedelta(days=number) for number in range(NIGHTS_SHOWN)]


@given(st.lists(st.tuples(st.sampled_from([CAME, ASKED, FAILED]), st.integers(0, 400)), max_size=20), st.randoms())
def test_the_order_of_sightings_changes_nothing(found: list[tuple[Sighting, int]], luck: random.Random) -> None:
    sightings = [replace(each, at=AT - hours * HOUR) for each, hours in found]
    expected = nights_of(sightings, AT, UTC)
    luck.shuffle(sightings)
    assert nights_of(sightings, AT, UTC) == expected


def test_a_door_s_nights_from_the_store(world: World) -> None:
    world.add_site("main")
    release = world.release("main")
    for number in (0, 1, 3, 40):
        world.see(world.finished(1, release, NOW + number * DAY))
    found = nights_of_door(world.store, serial_of(1), "main", NOW + 4 * DAY, UTC)
    assert [night.mark for night in found[-5:]] == [
        NightMark.CAME,
        NightMark.CAME,
        NightMark.NOTHING,
        NightMark.CAME,
        NightMark.NOTHING,
    ]
    later = nights_of_door(world.store, serial_of(1), "main", NOW + 41 * DAY, UTC)
    assert [night.mark for night in later].count(NightMark.CAME) == 1
