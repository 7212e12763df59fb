"""What one door did, night by night."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.records import Sighting, SightingKind
from engage_server.services.risk.door_nights import NIGHTS_SHOWN, NightMark, home_of, nights_of, nights_of_door
from tests.support.chains import NOW
from tests.support.world import World, address_of, serial_of

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


def _refused(device: int, at: datetime) -> Sighting:
    address = address_of(device)
    return Sighting(SightingKind.HANDSHAKE_FAILED, at, "https", address, None, "main", 1, failure="alert unknown_ca")


def _nights(world: World, device: int, now: datetime) -> list[NightMark]:
    (history,) = world.store.device_history(serial_of(device), "main")
    found = nights_of_door(world.store, serial_of(device), "main", now, UTC, home_of(world.store, history))
    return [night.mark for night in found]


def test_a_door_that_refuses_each_night_shows_it_as_its_counters_do(world: World) -> None:
    """A refusal carries no serial number. One from before it had this address is not its own."""
    world.add_site("main")
    release = world.release("main")
    world.see(_refused(1, NOW - 2 * DAY))
    world.see(world.finished(1, release, NOW))
    for night in range(1, 6):
        world.see(_refused(1, NOW + night * DAY), _refused(2, NOW + night * DAY))
    (history,) = world.store.device_history(serial_of(1), "main")
    marks = _nights(world, 1, NOW + 5 * DAY)
    assert marks[-6:] == [NightMark.CAME, *[NightMark.FAILED] * 5]
    assert marks[:-6] == [NightMark.NOTHING] * 24
    assert marks.count(NightMark.FAILED) == history.refusals


def test_at_an_address_of_several_doors_nobody_knows_who_refused(world: World) -> None:
    """As in the counters, it is nobody's."""
    world.add_site("main")
    release = world.release("main")
    shared = address_of(1)
    world.see(world.finished(1, release, NOW), world.finished(2, release, NOW, address=shared))
    world.see(_refused(1, NOW + DAY))
    (history,) = world.store.device_history(serial_of(1), "main")
    assert (history.refusals, home_of(world.store, history)) == (0, None)
    assert _nights(world, 1, NOW + DAY)[-1] is NightMark.NOTHING


@settings(max_examples=12)
@given(st.lists(st.tuples(st.integers(1, 2), st.booleans()), max_size=12))
def test_the_nights_of_a_door_agree_with_its_counters(calls: list[tuple[int, bool]]) -> None:
    """Two doors with their own addresses, one call a night."""
    with TemporaryDirectory() as folder, World(Path(folder)) as world:
        world.add_site("main")
        world.see(world.finished(1, 1, NOW), world.finished(2, 1, NOW))
        for night, (device, refuses) in enumerate(calls, 1):
            at = NOW + night * DAY
            world.see(_refused(device, at) if refuses else world.finished(device, 1, at))
        for device in (1, 2):
            (history,) = world.store.device_history(serial_of(device), "main")
            marks = _nights(world, device, NOW + len(calls) * DAY)
            since = len(marks) - 1 - marks[::-1].index(NightMark.CAME)
            assert marks[since:].count(NightMark.FAILED) == history.refusals
