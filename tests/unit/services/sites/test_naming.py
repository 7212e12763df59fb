"""What people call devices: who may be named, what the audit log keeps, and what sentences say."""

import pytest

from engage_server.errors import NotFound, UsageError
from engage_server.records import AuditAction, DeviceLabel, Host, NamedDevice, Sighting, SightingKind
from engage_server.services.sites.naming import Naming
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import NOW
from tests.support.stored import audit_events, listed_devices
from tests.support.world import World, address_of, serial_of

LISTED, SEEN, UNKNOWN = serial_of(1), serial_of(2), serial_of(3)


@pytest.fixture
def named(world: World) -> World:
    world.add_site()
    world.release()
    world.sites.add_device(LISTED, "main", world.occasion)
    world.see(world.finished(2, 1, NOW))
    return world


def test_a_name_and_a_place_change_apart(named: World) -> None:
    naming, occasion = Naming(named.store), named.occasion.because("a new sign")
    assert naming.name(LISTED, "main", " North  entrance ", "Building 3", occasion).label == DeviceLabel(
        "North entrance", "Building 3"
    )
    assert naming.name(LISTED, "main", None, "", occasion) == NamedDevice(LISTED, DeviceLabel("North entrance"))
    last = audit_events(named.store)[-1]
    assert (last.action, last.site, last.reason) == (AuditAction.DEVICE_NAMED, "main", "a new sign")
    assert last.facts == {"device": LISTED, "name": "North entrance", "place": ""}
    assert last.before == {"name": "North entrance", "place": "Building 3"}


def test_what_changes_nothing_is_not_recorded(named: World) -> None:
    naming = Naming(named.store)
    naming.name(LISTED, "main", "North", None, named.occasion)
    told, generation = len(audit_events(named.store)), named.store.generation()
    naming.name(LISTED, "main", "North", None, named.occasion)
    assert (len(audit_events(named.store)), named.store.generation()) == (told, generation)


def test_a_name_puts_no_device_on_a_list_and_wakes_no_server(named: World) -> None:
    generation = named.store.generation()
    Naming(named.store).name(SEEN, "main", "South", None, named.occasion)
    assert [each.serial for each in listed_devices(named.store)] == [LISTED]
    assert named.store.generation() == generation
    views = {each.identity: each for each in named.evidence.devices("main", NOW)}
    assert (views[SEEN].title, views[SEEN].is_stranger) == (f"South ({SEEN})", True)
    assert named.evidence.device(SEEN, NOW)[0].title == f"South ({SEEN})"


def test_only_what_a_site_knows_is_named(named: World) -> None:
    naming = Naming(named.store)
    for unknown in (UNKNOWN, "192.0.2.200", "nonsense\x1b"):
        with pytest.raises(NotFound) as refused:
            naming.site_of(unknown, None)
        assert refused.value.code == "device.not_found"
        with pytest.raises(NotFound):
            naming.name(unknown, "main", "x", None, named.occasion)
    with pytest.raises(NotFound):
        naming.name(address_of(2), "main", "x", None, named.occasion)  # where a serial number calls from


def test_a_device_that_sends_no_number_is_named_by_its_address(named: World) -> None:
    named.see(Sighting(SightingKind.HANDSHAKE_FINISHED, NOW, "https", "192.0.2.99", None, "main", 1))
    naming = Naming(named.store)
    assert naming.site_of("192.0.2.99", None) == "main"
    assert naming.name("192.0.2.99", "main", "Gate", None, named.occasion).title == "Gate (192.0.2.99)"


def test_of_two_sites_one_is_named(named: World) -> None:
    named.add_site("north", (Host.parse("north.example"),))
    named.see(named.finished(1, 1, NOW, site="north"))
    naming = Naming(named.store)
    with pytest.raises(UsageError, match="known at sites main, north"):
        naming.site_of(LISTED, None)
    assert naming.site_of(LISTED, "north") == "north"
    naming.name(LISTED, "north", "Elsewhere", None, named.occasion)
    assert {each.site: each.label.name for each in named.evidence.device(LISTED, NOW)} == {"north": "Elsewhere"}
    assert named.evidence.labels("main", [LISTED]) == {}


def test_a_list_brings_names_and_an_empty_cell_leaves_them(named: World) -> None:
    both = DeviceLabel("North", "Building 3")
    change = named.sites.add_list(
        [LISTED, UNKNOWN], {LISTED: both, UNKNOWN: DeviceLabel("New")}, "main", named.occasion
    )
    assert (change.added, change.named) == (1, 2)
    last = audit_events(named.store)[-1]
    assert (last.action, last.facts) == (AuditAction.DEVICE_ADDED, {"added": "1", "named": "2"})
    change = named.sites.add_list([LISTED], {LISTED: DeviceLabel(place="Building 4")}, "main", named.occasion)
    assert (change.added, change.named) == (0, 1)
    assert named.evidence.labels("main", [LISTED])[LISTED] == DeviceLabel("North", "Building 4")
    last = audit_events(named.store)[-1]
    assert (last.action, last.facts) == (AuditAction.DEVICE_NAMED, {"named": "1"})
    told = len(audit_events(named.store))
    named.sites.add_list([LISTED], {}, "main", named.occasion)
    assert len(audit_events(named.store)) == told


def test_adding_again_renames_and_says_so(named: World) -> None:
    named.sites.add_device(UNKNOWN, "main", named.occasion, DeviceLabel("Gate"))
    assert audit_events(named.store)[-1].facts == {"serial": UNKNOWN, "name": "Gate", "place": ""}
    named.sites.add_device(UNKNOWN, "main", named.occasion, DeviceLabel("Door"))
    last = audit_events(named.store)[-1]
    assert (last.action, last.facts["name"], last.before["name"]) == (AuditAction.DEVICE_NAMED, "Door", "Gate")


def test_sites_have_a_title_and_a_zone(named: World) -> None:
    site = named.sites.get("main")
    assert (site.title, site.time_zone) == ("", "UTC")
    changes = SiteChanges(title=" Depot  Nord", time_zone="europe/berlin")
    changed = named.sites.change(site, changes, "", named.occasion)
    assert (changed.title, changed.time_zone) == ("Depot Nord", "Europe/Berlin")
    assert audit_events(named.store)[-1].before["time_zone"] == "UTC"
    assert named.sites.change(changed, SiteChanges(title=""), "", named.occasion).title == ""
    for wrong in (SiteChanges(title="\u202ex"), SiteChanges(time_zone="Mars/Olympus")):
        with pytest.raises(UsageError):
            named.sites.change(changed, wrong, "", named.occasion)
