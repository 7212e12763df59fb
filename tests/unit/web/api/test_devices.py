"""Devices by the API: a site's list, one with its evidence, lists of serial numbers, and the end of a device."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from engage_server.records import AuditAction, AuditEntry, Host, Role, Secret
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.web.api.routes import devices
from tests.support.api import Api, Caller, problem
from tests.support.chains import NOW
from tests.support.world import World, serial_of

SHAPES: dict[str, Any] = {route.name: TypeAdapter(route.answer) for route in devices.ROUTES if route.answer}


def newest(world: World) -> AuditEntry:
    entry = world.store.audit_entry(world.store.audit_head().number)
    assert entry is not None
    return entry


def add(caller: Caller, *numbers: int, site: str = "main", key: str = "") -> Any:
    body = {"serials": [serial_of(each) for each in numbers], "reason": "floor 3"}
    return caller.create(f"/sites/{site}/devices", body, key)


@pytest.fixture
def other(world: World) -> World:
    """A second site, whose name a caller at the first one must not learn."""
    world.add_site("hidden", (Host("hidden.example"),), Secret(bytes(range(32, 64))))
    world.release("hidden")
    return world


def walked(caller: Caller, path: str) -> list[list[str]]:
    """The devices of all pages."""
    pages, following = list[list[str]](), path
    while following:
        page = caller.json(following)
        SHAPES["list_devices"].validate_python(page)
        pages.append([each["device"] for each in page["items"]])
        following = (page["next"] or "").removeprefix("/api/v1")
    return pages


def test_a_list_is_added_once_and_read_in_pages(api: Api, world: World) -> None:
    system = api.system()
    first, again = (add(system, 3, 1, 2, 1, key="list-of-floor-3") for _ in range(2))
    assert first.status_code == 200, first.text
    assert first.json == again.json == {"site": "main", "added": 3, "already_there": 0}
    assert again.headers["Idempotent-Replayed"] == "true"
    entry = newest(world)
    assert (entry.event.action, entry.event.reason) == (AuditAction.DEVICE_ADDED, "floor 3")
    assert walked(system, "/sites/main/devices?limit=2") == [[serial_of(1), serial_of(2)], [serial_of(3)]]
    assert walked(system, f"/sites/main/devices?after={serial_of(2)}") == [[serial_of(3)]]
    assert add(system, 1, 4).json == {"site": "main", "added": 1, "already_there": 1}
    head = world.store.audit_head()
    assert add(system, 1).json == {"site": "main", "added": 0, "already_there": 1}
    assert world.store.audit_head() == head, "nothing was new, so nothing is written"


def test_filters_are_those_of_the_command(api: Api, world: World) -> None:
    system = api.system()
    add(system, 1, 2)
    world.see(world.finished(1, 1, NOW))
    (missing,) = walked(system, "/sites/main/devices?release=1&missing=true")
    assert missing == [serial_of(2)]
    (all_of_them,) = walked(system, "/sites/main/devices?release=1")
    assert all_of_them == [serial_of(1), serial_of(2)]
    assert system.json("/sites/main/devices?release=1")["items"][0]["grade"] == "handshake"
    assert walked(system, "/sites/main/devices?calls=nobody.example") == [[]]
    assert walked(system, "/sites/main/devices?troubled=true") == [[]]
    assert walked(system, "/sites/main/devices?unseen=true") == [[serial_of(2)]]
    for query, expected in (
        ("missing=true", (400, "request.parameters")),
        ("calls=a%20b", (400, "request.parameters")),
        ("release=7", (404, "release.not_found")),
        ("cursor=else", (400, "cursor.invalid")),
    ):
        assert problem(system.get(f"/sites/main/devices?{query}")) == expected, query


def test_one_is_shown_with_its_evidence_and_sightings(api: Api, world: World) -> None:
    system = api.system(Role.VIEWER)
    add(api.system(), 1)
    path = f"/sites/main/devices/{serial_of(1)}"
    unseen = SHAPES["get_device"].validate_python(system.json(path))
    assert unseen["last_seen"] is None
    world.see(world.finished(1, 1, NOW))
    seen = SHAPES["get_device"].validate_python(system.json(path.lower()))
    assert seen["finished_release"] == 1
    page = SHAPES["list_device_sightings"].validate_python(system.json(f"{path}/sightings"))
    assert [each["kind"] for each in page["items"]] == ["handshake_finished"]
    assert page["next"] is None
    assert problem(system.get(f"/sites/main/devices/{serial_of(2)}")) == (404, "device.not_found")
    assert problem(system.get(f"{path}/sightings?cursor=else")) == (400, "cursor.invalid")


def test_another_site_is_named_only_to_those_who_may_see_it(api: Api, other: World) -> None:
    everywhere, here = api.system(), api.system(sites=("main",))
    add(everywhere, 1, site="hidden")
    add(everywhere, 2)
    other.see(other.finished(2, 1, NOW, site="hidden"))
    answers = [
        here.get(f"/sites/main/devices/{serial_of(1)}"),
        here.get(f"/sites/main/devices/{serial_of(2)}"),
        here.get("/sites/main/devices"),
        here.get("/sites/main/devices?troubled=true"),
        here.get(f"/sites/main/devices/{serial_of(2)}/sightings"),
        add(here, 1),
        here.send("PUT", f"/sites/main/devices/{serial_of(1)}/configuration", {}, If_None_Match="*"),
        here.send("DELETE", f"/sites/main/devices/{serial_of(1)}", If_Match="*"),
    ]
    assert [each.status_code for each in answers] == [404, 200, 200, 200, 200, 409, 404, 404]
    assert not [each.text for each in answers if "hidden" in each.text]
    assert answers[1].json is not None
    assert answers[1].json["trouble"]["code"] == "other_site"
    assert len(answers[3].json["items"]) == 1 if answers[3].json else False
    named = [
        everywhere.get(f"/sites/main/devices/{serial_of(2)}"),
        everywhere.get("/sites/main/devices"),
        add(everywhere, 1),
    ]
    assert all("hidden" in each.text for each in named)
    assert problem(here.get("/sites/hidden/devices")) == (403, "access.site")


def test_a_device_seen_here_and_listed_elsewhere_names_nobody(api: Api, other: World) -> None:
    add(api.system(), 1, site="hidden")
    other.see(other.finished(1, 1, NOW))
    shown = api.system(sites=("main",)).get(f"/sites/main/devices/{serial_of(1)}")
    assert shown.status_code == 200
    assert "hidden" not in shown.text
    assert "hidden" in api.system().get(f"/sites/main/devices/{serial_of(1)}").text


def test_one_that_is_gone_is_forgotten_or_removed(api: Api, world: World) -> None:
    system, path = api.system(), f"/sites/main/devices/{serial_of(1)}"
    add(system, 1)
    world.see(world.finished(1, 1, NOW))
    assert problem(system.send("DELETE", path)) == (428, "precondition.missing")
    seen = system.get(path)
    forgotten = system.change("POST", f"{path}/forget", {"reason": "replaced"}, seen)
    SHAPES["forget_device"].validate_python(forgotten.json)
    assert (newest(world).event.action, newest(world).event.reason) == (AuditAction.DEVICE_FORGOTTEN, "replaced")
    assert system.json(path)["last_seen"] is None
    assert problem(system.change("POST", f"{path}/forget", {}, seen)) == (404, "device.not_found")
    system.send("PUT", f"{path}/configuration", {"relock": 3}, If_None_Match="*")
    assert problem(system.change("DELETE", path, None, seen)) == (412, "precondition.failed")
    removed = system.change("DELETE", f"{path}?reason=gone", None, system.get(path))
    assert (removed.status_code, removed.data) == (204, b"")
    assert (newest(world).event.action, newest(world).event.reason) == (AuditAction.DEVICE_REMOVED, "gone")
    assert problem(system.get(path)) == (404, "device.not_found")
    assert problem(system.get(f"{path}/configuration")) == (404, "configuration.not_found")


def test_files_that_are_left_alone_are_removed_as_by_the_command(api: Api, world: World) -> None:
    """Such as those of a host that was restored from a backup."""
    system, path = api.system(), f"/sites/main/devices/{serial_of(7)}"
    assert problem(system.send("DELETE", path, If_Match="*")) == (404, "device.not_found")
    folders = DeviceFolders(world.folder / "data")
    with folders.open("main", serial_of(7)):
        pass
    other = api.system(sites=("north",)).send("DELETE", path, If_Match="*")
    assert problem(other) == (403, "access.site")
    assert problem(system.send("DELETE", path, If_None_Match="*")) == (412, "precondition.failed")
    removed = system.send("DELETE", f"{path}?reason=restored", If_Match="*")
    assert removed.status_code == 204, removed.text
    assert (newest(world).event.action, newest(world).event.reason) == (AuditAction.DEVICE_REMOVED, "restored")
    assert not folders.exists("main", serial_of(7))
    assert problem(system.send("DELETE", path, If_Match="*")) == (404, "device.not_found")


def test_a_viewer_changes_nothing(api: Api, world: World) -> None:
    add(api.system(), 1)
    viewer, head, path = api.system(Role.VIEWER), world.store.audit_head(), f"/sites/main/devices/{serial_of(1)}"
    assert problem(add(viewer, 2)) == (403, "access.role")
    assert problem(viewer.send("DELETE", path, If_Match="*")) == (403, "access.role")
    assert problem(viewer.send("POST", f"{path}/forget", {}, If_Match="*")) == (403, "access.role")
    assert world.store.audit_head() == head


@pytest.mark.parametrize("serials", [[], ["nonsense"], [serial_of(1), 7], "a text", [serial_of(1)] * 10_001])
def test_a_list_of_another_form_is_refused(api: Api, world: World, serials: Any) -> None:
    system = api.system()
    head = world.store.audit_head()
    answer = system.create("/sites/main/devices", {"serials": serials})
    assert problem(answer) == (422, "request.invalid")
    assert world.store.audit_head() == head
