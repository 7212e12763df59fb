"""Taking out devices, staged releases and whole sites."""

from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.errors import Conflict, NotFound, Refused, UsageError
from engage_server.records import AuditAction, Host, RotationWay
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.sites.removal import Removal
from tests.support.chains import NOW
from tests.support.stored import audit_events
from tests.support.world import World, serial_of

NORTH = (Host.parse("north.example.org"),)


@pytest.fixture
def served(world: World) -> World:
    """Two sites; devices 1 and 2 of the first were seen, and stand on its list."""
    world.add_site("main")
    world.release("main")
    world.add_site("north", NORTH)
    world.release("north")
    world.sites.add_devices([serial_of(1), serial_of(2)], "main", world.occasion)
    world.see(world.finished(1, 1, NOW), world.finished(2, 1, NOW))
    return world


@pytest.fixture
def removal(served: World) -> Removal:
    return Removal(served.store, DeviceFolders(served.folder / "data"))


def exported(world: World, site: str) -> None:
    world.sites.export_key(site, world.folder / f"{site}.key", world.occasion)


class TestDevices:
    def test_all_of_it_goes_and_nothing_of_another(self, served: World, removal: Removal) -> None:
        folders = DeviceFolders(served.folder / "data")
        for device in (1, 2):
            with folders.open("main", serial_of(device)) as folder:
                folder.put("configuration.json", {})
        removal.device(serial_of(1), "main", "door removed", served.occasion)
        assert served.sites.serials("main") == [serial_of(2)]
        assert [view.identity for view in served.evidence.devices("main", NOW)] == [serial_of(2)]
        assert folders.serials("main") == [serial_of(2)]
        assert [path.name for path in (served.folder / "data" / "main").iterdir()] == [serial_of(2)]
        last = audit_events(served.store)[-1]
        assert (last.action, last.facts, last.reason) == (
            AuditAction.DEVICE_REMOVED,
            {"device": serial_of(1)},
            "door removed",
        )

    def test_it_may_come_back(self, served: World, removal: Removal) -> None:
        removal.device(serial_of(1), "main", "", served.occasion)
        served.see(served.finished(1, 1, NOW + timedelta(days=1)))
        assert {view.identity for view in served.evidence.devices("main", NOW)} == {serial_of(1), serial_of(2)}

    def test_a_site_that_it_is_not_of(self, served: World, removal: Removal) -> None:
        before = len(audit_events(served.store))
        with pytest.raises(NotFound):
            removal.device(serial_of(1), "north", "", served.occasion)
        with pytest.raises(UsageError):
            removal.device("12", "main", "", served.occasion)
        assert len(audit_events(served.store)) == before

    def test_the_only_site_that_knows_it_need_not_be_named(self, served: World, removal: Removal) -> None:
        assert removal.site_of(serial_of(1), None) == "main"
        served.see(served.finished(1, 1, NOW, site="north"))
        with pytest.raises(UsageError, match="main, north"):
            removal.site_of(serial_of(1), None)
        with pytest.raises(NotFound):
            removal.site_of(serial_of(9), None)

    def test_then_it_can_belong_to_another_site(self, served: World, removal: Removal) -> None:
        with pytest.raises(Conflict):
            served.sites.add_device(serial_of(1), "north", served.occasion)
        removal.device(serial_of(1), "main", "", served.occasion)
        served.sites.add_device(serial_of(1), "north", served.occasion)


class TestReleases:
    def test_a_staged_one_goes(self, served: World) -> None:
        number = served.release("main", activate=False)
        served.releases.drop("main", number, "typo", served.occasion)
        assert [release.number for release in served.releases.all("main")] == [1]

    def test_one_that_was_served_stays(self, served: World) -> None:
        served.release("main")
        for number in (1, 2):
            with pytest.raises(Conflict, match="was served"):
                served.releases.drop("main", number, "", served.occasion)

    def test_one_of_a_rotation_stays(self, served: World) -> None:
        served.rotations.start(served.request(RotationWay.LINKED_REKEY), served.occasion)
        _, last = served.rotations.all("main")[-1].releases
        with pytest.raises(Conflict, match="rotation"):
            served.releases.drop("main", last, "", served.occasion)

    def test_one_of_a_rotation_that_has_ended_goes_and_its_number_with_it(self, served: World) -> None:
        """It could not be removed at all, because the rotation stays in the list for good."""
        served.rotations.start(served.request(RotationWay.LINKED_REKEY), served.occasion)
        _, last = served.rotations.all("main")[-1].releases
        served.rotations.abort("main", "", served.occasion)
        served.releases.drop("main", last, "", served.occasion)
        assert last not in [release.number for release in served.releases.all("main")]
        assert served.release("main", activate=False) == last + 1, "the rotation's number means no other release"


class TestSites:
    def test_a_site_with_everything(self, served: World, removal: Removal) -> None:
        served.sites.make_default("north", served.occasion)
        exported(served, "main")
        removal.site("main", False, "sold", served.later(days=1))
        assert [site.name for site in served.sites.all()] == ["north"]
        assert {release.site for release in served.releases.all()} == {"north"}
        assert served.store.device_history(serial_of(1)) == []
        assert served.store.generation() > 1
        served.add_site("main")
        assert served.release("main") == 1
        assert served.evidence.devices("main", NOW) == []

    def test_the_key_must_be_safe_or_given_up(self, served: World, removal: Removal) -> None:
        with pytest.raises(Refused) as refused:
            removal.site("north", False, "", served.occasion)
        assert refused.value.code == "site.key_not_exported"
        removal.site("north", True, "", served.occasion)
        assert audit_events(served.store)[-1].facts["key"] == "destroyed"

    def test_an_earlier_sites_key_of_that_name_is_another(self, served: World, removal: Removal) -> None:
        exported(served, "north")
        removal.site("north", False, "", served.occasion)
        served.add_site("north", NORTH)
        with pytest.raises(Refused):
            removal.site("north", False, "", served.occasion)

    def test_doors_that_call_want_a_reason(self, served: World, removal: Removal) -> None:
        served.sites.make_default("north", served.occasion)
        exported(served, "main")
        with pytest.raises(Refused, match="2 doors of main called"):
            removal.site("main", False, " ", served.occasion)
        removal.site("main", False, "", served.later(days=31))

    def test_calls_of_virtual_locks_at_a_site_for_trials_want_none(self, served: World, removal: Removal) -> None:
        served.add_site("trials", (Host.parse("trials.example.org"),), for_trials=True)
        served.release("trials")
        served.see(served.finished(3, 1, NOW, site="trials"))
        assert served.store.devices_seen_since("trials", NOW) == 1
        removal.site("trials", True, "", served.occasion)
        assert [site.name for site in served.sites.all()] == ["main", "north"]

    def test_the_default_stays_while_there_is_another(self, served: World, removal: Removal) -> None:
        with pytest.raises(Conflict, match="default"):
            removal.site("main", True, "gone", served.occasion)

    def test_not_while_a_rotation_needs_it(self, served: World, removal: Removal) -> None:
        request = served.request(RotationWay.SERVER_RENEWAL, "main", after=("north",))
        served.rotations.start(request, served.occasion)
        with pytest.raises(Conflict, match="rotation of 'main'"):
            removal.site("north", True, "gone", served.occasion)


def test_a_folder_goes_at_once_or_not_at_all(tmp_path: Path) -> None:
    folders = DeviceFolders(tmp_path)
    with folders.open("main", serial_of(1)) as folder:
        folder.put("configuration.json", {})
    assert folders.remove("main", serial_of(1))
    assert not folders.remove("main", serial_of(1))
    assert list((tmp_path / "main").iterdir()) == []
