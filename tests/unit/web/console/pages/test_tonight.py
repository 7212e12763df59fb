"""Tonight: the doors at risk, the worst first, and the list with which somebody walks to them."""

from datetime import timedelta

from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.records import DeviceLabel, Host, PathSays, Role, Sighting, SightingKind
from engage_server.services.chains.folder import read_chain_folder
from engage_server.services.site_path.fold import fold
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import NOW
from tests.support.console import Console
from tests.support.path_events import path_event
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


def test_a_cut_path_is_one_sentence_in_place_of_its_silent_doors(world: World, console: Console) -> None:
    """Times are those of the site. The walk list says why they are not on it."""
    changes = SiteChanges(title="Depot Nord", time_zone="Asia/Tokyo")
    world.sites.change(world.store.site("main"), changes, "", world.occasion)
    for device in (1, 2, 3):
        _silent_door(world, device, DeviceLabel("Entrance", f"Building {device}"))
    console.now = NOW
    viewer = console.person("ann", Role.VIEWER)
    assert "medium It is silent: 3 doors" in viewer.page("/").text
    world.store.add_path_events([path_event(PathSays.CUT, -60 * 24 * 25, link="depot-sim", kind="sim_suspended")])
    world.store.fold_path_events(fold, 100)
    page = viewer.page("/")
    since = f"{NOW - timedelta(days=25) + timedelta(hours=9):%Y-%m-%d %H:%M}"
    assert f"3 doors of Depot Nord are silent because its SIM is suspended since {since} (link depot-sim)." in page.text
    assert 'engage sim set --site main --to ACTIVE --reason "..."' in page.text
    assert "It is silent" not in page.text
    assert "No other door is at risk tonight." in page.text
    walk = viewer.page("/tonight/walk-list").text
    assert f"3 doors of Depot Nord are silent because its SIM is suspended since {since}" in walk
    assert "They are not on this list." in walk
    assert "No other door is at risk tonight: nobody has to walk." in walk
    door = viewer.page(f"/sites/main/doors/{serial_of(1)}").text
    assert f"longer than its habit: the path to its site is cut since {since}, its SIM is suspended" in door
    assert "battery" not in door


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


def test_each_further_risk_says_what_to_do(world: World, console: Console) -> None:
    """As the command does. What was said already is not said twice."""
    world.see(world.finished(1, 1, NOW - timedelta(days=1)))
    world.release()
    refused = SightingKind.HANDSHAKE_FAILED
    world.see(Sighting(refused, NOW, "https", "192.0.2.1", None, "main", 2, failure="alert unknown_ca"))
    (row,) = console.person("ann", Role.VIEWER).page("/").rows()
    assert "It would refuse what is served." in row[2]
    assert "To do: Check that port 80 is open to it." in row[2]


def test_times_in_sentences_are_those_of_the_site(world: World, console: Console) -> None:
    """As in the column beside them, with UTC in the title."""
    world.sites.change(world.store.site("main"), SiteChanges(time_zone="Asia/Tokyo"), "", world.occasion)
    world.see(world.finished(1, 1, NOW - timedelta(hours=3)))
    at = NOW - timedelta(hours=2)
    world.see(Sighting(SightingKind.NOTICE, at, "http", "192.0.2.1", serial_of(1), "main", 1))
    page = console.person("ann", Role.VIEWER).page("/")
    (row,) = page.rows()
    assert f"It asked by plain HTTP at {at + timedelta(hours=9):%Y-%m-%d %H:%M}" in row[2]
    assert "UTC" not in row[2]
    assert page.tree.xpath(f"//td/time[@title='{at:%Y-%m-%d %H:%M} UTC']")


def test_what_has_to_be_renewed_stands_above_the_doors(world: World, console: Console) -> None:
    """With the way there."""
    world.see(world.finished(1, 1, NOW))
    assert "last safe day" not in console.person("ann", Role.VIEWER).page("/").text
    chain = read_chain_folder(world.chain_folder(lifetimes=Lifetimes(server_days=30)))
    number = world.releases.stage(chain, "main", world.occasion).release.number
    world.releases.activate("main", number, {}, world.occasion)
    page = console.person("bob", Role.VIEWER).page("/")
    assert "The last safe day to renew a certificate has passed." in page.text
    assert page.text.index("last safe day") < page.text.index("It would refuse what is served")
    assert "/sites/main/rotation" in page.links()


def test_the_walk_list_is_for_paper(world: World, console: Console) -> None:
    """Why in plain words, what to do there, room for a note, and no command."""
    _silent_door(world, 1, DeviceLabel("Roof", "Building 9"))
    page = console.person("ann", Role.VIEWER).page("/tonight/walk-list")
    (entry,) = page.tree.xpath("//main//ul/li")
    text = " ".join(entry.text_content().split())
    assert "Why: It has not called for longer than usual. To do: Check its battery and its WiFi." in text
    assert text.endswith("Note:")
    assert "engage " not in text
    assert entry.xpath(".//span[@class='tick-here']")
