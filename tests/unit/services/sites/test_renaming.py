"""A site under another name: everything of it goes along, and nothing is renamed while somebody writes."""

from pathlib import Path

import pytest

from engage_server.errors import Conflict, NotFound, Refused, UsageError
from engage_server.records import AuditAction, Host, RotationWay, WorkerStatus
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.sites.removal import Removal
from engage_server.services.sites.renaming import Renaming
from engage_server.store.interface import DeviceFilter
from tests.support.chains import NOW, SITE_KEY
from tests.support.stored import audit_events, stored_sightings
from tests.support.world import World, serial_of


@pytest.fixture
def served(world: World) -> World:
    """A site that was seen, with a list, files, and a release whose key is destroyed."""
    world.add_site("main")
    world.release("main")
    world.release("main")
    world.releases.retire("main", 1, "", world.occasion)
    world.sites.add_device(serial_of(1), "main", world.occasion)
    world.see(world.finished(1, 2, NOW))
    with DeviceFolders(world.folder / "data").open("main", serial_of(1)) as folder:
        folder.put("configuration.json", {})
    return world


def renaming(world: World, stored: list[str] | None = None) -> Renaming:
    told = stored if stored is not None else []
    parents = (world.folder / "data", world.folder / "data" / "spool" / "upstream")
    return Renaming(world.store, parents, lambda: told.append("stored"))


def test_all_of_it_goes_along(served: World) -> None:
    stored: list[str] = []
    chain = chain_of(served.releases.one("main", 2))
    renaming(served, stored).rename("main", "east", "a slip of the pen", served.occasion)
    assert [site.name for site in served.sites.all()] == ["east"]
    assert stored == ["stored"]
    assert served.sites.key("east") == SITE_KEY
    assert served.releases.current("east") == 2
    assert chain_of(served.releases.one("east", 2)) == chain
    assert served.store.private_key("east", 2).reveal()
    assert served.sites.serials("east") == [serial_of(1)]
    assert [known.identity for known in served.store.device_histories("east", DeviceFilter())] == [serial_of(1)]
    assert served.store.grades("east", 2)
    assert {each.site for each in stored_sightings(served.store)} == {"east"}
    assert DeviceFolders(served.folder / "data").serials("east") == [serial_of(1)]
    last = audit_events(served.store)[-1]
    assert (last.action, last.site, last.before, last.reason) == (
        AuditAction.SITE_RENAMED,
        "east",
        {"name": "main"},
        "a slip of the pen",
    )
    assert served.store.audit_verdict().faults == ()
    with pytest.raises(NotFound):
        served.sites.get("main")


def test_the_old_name_can_be_given_again(served: World) -> None:
    renaming(served).rename("main", "east", "", served.occasion)
    served.add_site("main", (Host.parse("other.example.org"),))
    assert served.release("main") == 1
    assert served.store.device_histories("main", DeviceFilter()) == []


def test_one_that_broke_off_is_finished_by_the_next(served: World) -> None:
    (served.folder / "data" / "main").rename(served.folder / "data" / "east")
    renaming(served).rename("main", "east", "", served.occasion)
    assert DeviceFolders(served.folder / "data").serials("east") == [serial_of(1)]


def test_names_that_are_taken_or_none(served: World) -> None:
    served.add_site("north", (Host.parse("north.example.org"),))
    for new, kind in (("north", Conflict), ("main", Conflict), ("No Name", UsageError), ("spool", UsageError)):
        with pytest.raises(kind):
            renaming(served).rename("main", new, "", served.occasion)
    (served.folder / "data" / "west").mkdir()
    with pytest.raises(Conflict, match="already exists"):
        renaming(served).rename("main", "west", "", served.occasion)
    with pytest.raises(NotFound):
        renaming(served).rename("gone", "west", "", served.occasion)
    assert {site.name for site in served.sites.all()} == {"main", "north"}


def test_not_while_a_worker_may_write(served: World) -> None:
    served.store.heartbeat(WorkerStatus("https 1 on a", "a", 1, "https", 1, {"main": 2}, {}))
    with pytest.raises(Conflict, match="servers run on a") as refused:
        renaming(served).rename("main", "east", "", served.occasion)
    assert refused.value.code == "site.served"
    assert (served.folder / "data" / "main").is_dir()


def test_not_while_a_rotation_is_open(served: World) -> None:
    served.rotations.start(served.request(RotationWay.SERVER_RENEWAL), served.occasion)
    with pytest.raises(Conflict, match="a rotation of 'main' is open"):
        renaming(served).rename("main", "east", "", served.occasion)


def test_whether_its_key_was_exported_goes_along(served: World, tmp_path: Path) -> None:
    removal = Removal(served.store, DeviceFolders(served.folder / "data"))
    served.sites.export_key("main", tmp_path / "exported.key", served.occasion)
    renaming(served).rename("main", "east", "", served.occasion)
    served.add_site("main", (Host.parse("other.example.org"),))
    served.sites.make_default("main", served.occasion)
    with pytest.raises(Refused):
        removal.assert_site_removable("east", False, "", served.occasion)  # its door called lately
    removal.assert_site_removable("east", False, "sold", served.occasion)
    served.sites.make_default("east", served.occasion)
    with pytest.raises(Refused, match="never exported"):
        removal.assert_site_removable("main", False, "x", served.occasion)
