"""The doors of a demonstration: no two are the same, a seed decides what is wrong with them, and the clock never."""

from collections import Counter

import pytest

from engage_server.demo import places
from engage_server.demo.doors import Door, Trouble, doors_of
from engage_server.demo.size import MOST_DOORS, DemoSize
from engage_server.errors import UsageError


def campus(doors: int, nights: int = 60) -> list[Door]:
    return doors_of("campus", 0, places.CAMPUS, doors, nights, with_trouble=True)


@pytest.mark.parametrize("doors", [7, 99, 100, 228, 1600])
def test_no_two_doors_share_a_serial_an_address_or_a_name_at_their_place(doors: int) -> None:
    found = [*campus(doors), *doors_of("clinic", 1, places.CLINIC, doors, 60, with_trouble=False)]
    assert len({door.serial for door in found}) == 2 * doors
    assert len({door.address for door in found}) == 2 * doors
    assert len({door.label for door in found}) == 2 * doors


def test_the_same_size_gives_the_same_doors() -> None:
    assert campus(228) == campus(228)
    assert campus(228) != campus(227)


def test_a_large_site_has_each_trouble_and_a_small_one_one_of_each() -> None:
    large, small = (Counter(door.trouble for door in campus(doors)) for doors in (228, 7))
    assert {trouble: count for trouble, count in large.items() if trouble is not Trouble.NONE} == {
        Trouble.NEVER_CAME: 2,
        Trouble.SILENT: 2,
        Trouble.OLD_ANCHOR: 2,
        Trouble.NO_DOWNLOAD: 1,
        Trouble.BATTERY: 3,
        Trouble.REPORTS: 2,
    }
    assert small == dict.fromkeys(Trouble, 1)
    calm = doors_of("clinic", 1, places.CLINIC, 48, 60, with_trouble=False)
    assert {door.trouble for door in calm} == {Trouble.NONE}


def test_the_newest_building_comes_late_and_has_no_trouble() -> None:
    late = [door for door in campus(228) if door.label.place.startswith("West wing")]
    assert {door.since for door in late} == {45}
    assert {door.trouble for door in late} == {Trouble.NONE}


def test_serials_and_addresses_belong_to_nobody() -> None:
    for door in campus(228):
        assert door.serial.startswith("DE30")
        assert door.address.startswith("198.18.")  # RFC 2544


@pytest.mark.parametrize("doors", [12, 20, 300, MOST_DOORS])
def test_the_sites_have_all_doors_together(doors: int) -> None:
    size = DemoSize(doors, 6)
    assert size.at_campus + size.at_clinic + size.at_depot == doors
    assert size.at_campus > size.at_clinic > size.at_depot >= 2


@pytest.mark.parametrize(("doors", "nights"), [(11, 60), (2001, 60), (300, 5), (300, 91)])
def test_too_few_and_too_many_are_refused(doors: int, nights: int) -> None:
    with pytest.raises(UsageError, match="a demonstration has"):
        DemoSize(doors, nights)
