"""Tonight: the doors at risk, the worst first, and the list with which somebody walks to them."""

from datetime import timedelta

from engage_server.records import DeviceLabel, Host, Role
from tests.support.chains import NOW
from tests.support.console import Console
from tests.support.world import World, serial_of


def _silent_door(world: World, device: int, label: DeviceLabel) -> str:
    """A door that called each night, and then no more."""
    serial = serial_of(device)
    world.sites.add_device(serial, "main", world.occasion, label)
    for night in range(9):
        world.see(world.finished(device, 1, NOW - timedelta(days=30 - night)))
    return serial


def test_a_door_at_risk_is_shown_with_its_name_its_cause_and_what_to_do(world: World, console: Console) -> None:
    """Its name comes first, and leads to the door."""
    serial = _silent_door(world, 1, DeviceLabel("North entrance", "Building 3"))
    page = console.person("ann", Role.VIEWER).page("/")
    (row,) = page.rows()
    assert row[0] == f"North entrance {serial}"
    assert row[1] == "Building 3"
    assert row[2].startswith("It has not called for 22 days")
    assert "medium It is silent: 1 door" in page.text
    assert f"/sites/main/doors/{serial}" in page.links()
    assert "engage tonight" in page.text


def test_a_site_without_doors_says_the_three_steps_to_the_first_one(console: Console) -> None:
    """With their commands, in place of empty tables."""
    page = console.person("ann", Role.VIEWER).page("/")
    steps = [step.text_content() for step in page.tree.xpath("//main//ol/li")]
    assert len(steps) == 3
    assert "engage device import doors.csv --site main" in steps[0]
    assert "engage lock fetch http://locks.example.org" in steps[1]
    assert "No door is at risk" not in page.text


def test_a_site_that_serves_nothing_says_that_first(world: World, console: Console) -> None:
    """The list can wait."""
    world.add_site("new", (Host("new.example.org"),))
    page = console.person("ann", Role.VIEWER, ("new",)).page("/")
    assert "stage and activate a release" in page.tree.xpath("string(//main//ol/li[1])")


def test_a_quiet_night_says_so(world: World, console: Console) -> None:
    """There is no table then."""
    world.see(world.finished(1, 1, NOW))
    page = console.person("ann", Role.VIEWER).page("/")
    assert "No door is at risk tonight." in page.text
    assert not page.tree.xpath("//main//table")


def test_a_site_of_others_is_left_out(world: World, console: Console) -> None:
    """Neither its name nor its doors are shown."""
    world.add_site("other", (Host("other.example.org"),))
    page = console.person("ann", Role.VIEWER, ("other",)).page("/")
    assert "/sites/other" in page.links()
    assert "/sites/main" not in page.links()


def test_the_walk_list_is_sorted_by_place(world: World, console: Console) -> None:
    """Doors without a place come last."""
    _silent_door(world, 1, DeviceLabel("Roof", ""))
    _silent_door(world, 2, DeviceLabel("Cellar", "Building 9"))
    _silent_door(world, 3, DeviceLabel("Gate", "Building 1"))
    page = console.person("ann", Role.VIEWER).page("/tonight/walk-list")
    headings = [heading.text_content() for heading in page.tree.xpath("//main//h2")]
    assert headings == ["main: Building 1", "main: Building 9", "main: no place is known"]
