"""Nights of a simulated fleet: a door that then fails was at risk the evening before, and a well fleet gives none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.records import GatePolicy, Host, RotationWay, Sighting, SightingKind
from engage_server.services.chains.folder import read_chain_folder
from engage_server.services.releases.possible_anchors import PossibleAnchors
from engage_server.services.risk import tonight
from engage_server.services.risk.known import SiteTonight
from engage_server.services.sites.naming import Naming
from engage_server.services.sites.register import SiteChanges
from engage_server.store.interface import AnchorClue
from tests.support.chains import NOW
from tests.support.world import World, judge_for, serial_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CALLS = 6 * HOUR  # after NOW, which is an evening: the doors call at two in the morning


def in_the_evening(world: World) -> None:
    """In the time zone of the site, NOW is eight o'clock in the evening, at whatever hour this runs."""
    ahead = (20 - NOW.hour + 12) % 24 - 12
    zone = f"Etc/GMT{-ahead:+d}" if ahead else "UTC"  # these names count hours to the west
    world.sites.change(world.store.site("main"), SiteChanges(time_zone=zone), "", world.occasion)


def night(world: World, doors: Sequence[int], release: int, number: int) -> None:
    """All these doors finish TLS in this night."""
    at = NOW + number * DAY + CALLS
    world.see(*(world.finished(door, release, at, address=f"10.0.{door // 250}.{door % 250}") for door in doors))


def evening(world: World, number: int, site: str = "main") -> SiteTonight:
    return world.tonight.look_at(site, NOW + number * DAY)


def at_risk(found: SiteTonight) -> dict[str, list[str]]:
    return {door.identity: [risk.kind.code for risk in door.risks] for door in found.doors}


def fetches(world: World, door: int, release: int, at: datetime) -> None:
    address = f"10.0.{door // 250}.{door % 250}"
    world.see(Sighting(SightingKind.CERTIFICATE, at, "http", address, serial_of(door), "main", release))


def test_a_well_fleet_of_300_gives_none(world: World) -> None:
    world.add_site("main")
    release = world.release("main")
    world.sites.add_devices([serial_of(door) for door in range(300)], "main", world.occasion)
    for number in range(4):
        night(world, range(300), release, number)
        found = evening(world, number + 1)
        assert (found.doors, found.risks, found.is_complete, found.worst) == ((), (), True, None)


def test_a_cut_over_fails_those_that_were_said_the_evening_before(world: World) -> None:
    """What a door does in the night is asked of the judge alone, with the anchor that it holds in this simulation."""
    world.add_site("main")
    first = world.release("main")
    doors = range(1, 7)
    for number in range(2):
        night(world, doors, first, number)
    night(world, [4, 5, 6], first, 2)
    second = world.release("main")
    moved = [1, 2, 3]
    for door in moved:
        fetches(world, door, second, NOW + 2 * DAY + CALLS)
    world.see(
        *(world.finished(door, second, NOW + 2 * DAY + CALLS + 2 * HOUR, address=f"10.0.0.{door}") for door in moved)
    )
    world.releases.roll_back("main", {}, "", world.occasion)
    expected = {serial_of(door): ["risk.refuses_served"] for door in moved}
    assert at_risk(evening(world, 3)) == expected
    failing = [door for door in doors if _refuses(world, second if door in moved else first, first)]
    assert failing == moved


def _refuses(world: World, holds: int, served: int) -> bool:
    site, releases = world.store.site("main"), world.store.releases("main")
    possible = PossibleAnchors(site, releases, judge_for)
    release = next(each for each in releases if each.number == served)
    return possible.refuses(AnchorClue(holds, holds, False, False, 1), release, NOW + 4 * DAY, by=all)


def test_the_last_step_of_a_linked_rekey_is_said_while_it_may_come(world: World) -> None:
    world.add_site("main")
    in_the_evening(world)
    first = world.release("main")
    for door in (1, 2):
        fetches(world, door, first, NOW)
    for number in range(3):
        night(world, [1, 2], first, number)
    request = world.request(RotationWay.LINKED_REKEY, policy=GatePolicy(soak_hours=2.0))
    world.rotations.start(request, world.later(days=3))
    transition, last = world.rotations.all("main")[-1].releases
    night(world, [2], transition, 3)
    assert at_risk(evening(world, 4)) == {
        serial_of(1): ["risk.refuses_next"],
        serial_of(2): ["risk.refuses_next"],  # it came with its old anchor
    }
    fetches(world, 2, transition, NOW + 4 * DAY + CALLS)
    night(world, [1, 2], transition, 4)
    assert list(at_risk(evening(world, 5))) == [serial_of(1)]
    assert last == transition + 1


def test_a_server_certificate_that_ends_tonight_is_said_once_for_the_site(world: World) -> None:
    world.add_site("main")
    in_the_evening(world)
    folder = world.chain_folder(lifetimes=Lifetimes(server_days=30))
    number = world.releases.stage(read_chain_folder(folder), "main", world.occasion).release.number
    world.releases.activate("main", number, {}, world.occasion)
    for each in range(3):
        night(world, range(20), number, each)
    assert [risk.kind.code for risk in evening(world, 3).risks] == ["risk.renewal_soon"]
    end = next(each for each in world.overview.look_at("main", world.later(days=3)).certificates).expiry.not_after
    night(world, range(20), number, (end - NOW).days - 1)
    found = world.tonight.look_at("main", end - 6 * HOUR)
    assert [risk.kind.code for risk in found.risks] == ["risk.certificate_ends_tonight"]
    assert "risk.refuses_served" not in {code for codes in at_risk(found).values() for code in codes}
    assert found.needs_attention


def test_a_door_that_falls_silent_is_said_once_its_habit_is_missed(world: World) -> None:
    world.add_site("main")
    release = world.release("main")
    for number in range(6):
        night(world, [1, 2] if number < 3 else [1], release, number)
    assert at_risk(evening(world, 3)) == {}
    assert at_risk(evening(world, 6)) == {serial_of(2): ["risk.silent"]}


def test_listed_and_never_seen_is_low_and_another_site_is_not(world: World) -> None:
    world.add_site("main")
    world.add_site("north", hosts=(Host("north.example"),))
    release = world.release("north")
    world.sites.add_devices([serial_of(1), serial_of(2)], "main", world.occasion)
    world.see(world.finished(1, release, NOW, site="north"))
    assert at_risk(world.tonight.look_at("main", NOW + HOUR)) == {
        serial_of(1): ["risk.other_site"],
        serial_of(2): ["risk.never_seen"],
    }


def test_strangers_to_a_list_are_not_at_risk(world: World) -> None:
    world.add_site("main")
    release = world.release("main")
    for number in range(3):
        night(world, [1, 2], release, number)
    world.sites.add_devices([serial_of(1)], "main", world.occasion)
    assert list(at_risk(evening(world, 9))) == [serial_of(1)]


def test_sites_come_the_worst_first(world: World) -> None:
    world.add_site("calm", hosts=(Host("calm.example"),))
    world.add_site("main")
    release = world.release("main")
    for number in range(3):
        night(world, [1], release, number)
    assert [each.site for each in world.tonight.look(NOW + 9 * DAY)] == ["main", "calm"]
    assert [each.site for each in world.tonight.look(NOW + 9 * DAY, lambda name: name == "calm")] == ["calm"]


def test_a_night_is_that_of_the_site_and_doors_of_a_place_come_together(world: World) -> None:
    world.add_site("main")
    site = world.store.site("main")
    world.sites.change(site, SiteChanges(time_zone="Pacific/Auckland"), "", world.occasion)
    release = world.release("main")
    for number in range(3):
        night(world, [1, 2, 3], release, number)
    for door, place in ((1, "Yard"), (2, "Attic"), (3, "Yard")):
        Naming(world.store).name(serial_of(door), "main", f"Door {door}", place, world.occasion)
    found = evening(world, 9)
    assert found.until.astimezone(ZoneInfo("Pacific/Auckland")).hour == 12
    assert [door.label.place for door in found.doors] == ["Attic", "Yard", "Yard"]
    assert found.doors[0].title == f"Door 2 ({serial_of(2)})"


def test_of_too_many_doors_the_urgent_ones_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add_site("main")
    release = world.release("main")
    for number in range(3):
        night(world, range(1, 9), release, number)
    at = NOW + 9 * DAY
    refused = Sighting(SightingKind.HANDSHAKE_FAILED, at, "https", "10.0.0.8", serial_of(8), "main", release)
    world.see(replace(refused, failure="alert unknown_ca"))
    found = world.tonight.look_at("main", at + HOUR)
    assert (len(found.doors), found.is_complete) == (8, True)
    monkeypatch.setattr(tonight, "MOST_DOORS", 3)
    found = world.tonight.look_at("main", at + HOUR)
    assert (len(found.doors), found.is_complete) == (3, False)
    assert found.doors[0].identity == serial_of(8)
