"""Names of devices by the API: given, found, and never another site's. A site's title and time zone."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from engage_server.records import AuditAction, AuditEntry, Host, Role, Secret
from engage_server.web.api.routes import device_names, sites
from tests.support.api import Api, problem
from tests.support.chains import NOW
from tests.support.world import World, serial_of

SHAPES: dict[str, Any] = {
    route.name: TypeAdapter(route.answer) for route in (*device_names.ROUTES, *sites.ROUTES) if route.answer
}
ONE, TWO = serial_of(1), serial_of(2)
PATH = f"/sites/main/devices/{ONE}"


@pytest.fixture
def doors(world: World) -> World:
    """Two devices that were seen, and are on no list."""
    world.see(world.finished(1, 1, NOW), world.finished(2, 1, NOW))
    return world


def newest(world: World) -> AuditEntry:
    entry = world.store.audit_entry(world.store.audit_head().number)
    assert entry is not None
    return entry


def test_a_device_is_named(api: Api, doors: World) -> None:
    system = api.system()
    seen = system.get(PATH).headers["ETag"]
    body = {"name": " North  entrance", "place": "Building 3", "reason": "sign"}
    named = system.change("PATCH", PATH, body, seen)
    assert named.status_code == 200, named.text
    told = SHAPES["change_device"].validate_python(named.json)
    assert told == {"serial": ONE, "site": "main", "name": "North entrance", "place": "Building 3"}
    event = newest(doors).event
    assert (event.action, event.site, event.reason) == (AuditAction.DEVICE_NAMED, "main", "sign")
    assert problem(system.change("PATCH", PATH, body, seen)) == (412, "precondition.failed")
    head = doors.store.audit_head()
    again = system.change("PATCH", PATH, {"name": "North entrance"}, named.headers["ETag"])
    assert (again.status_code, again.json, doors.store.audit_head()) == (200, told, head)
    removed = system.change("PATCH", PATH, {"name": ""}, again.headers["ETag"])
    assert removed.json == {**told, "name": None}
    assert system.json(PATH)["place"] == "Building 3"
    assert doors.store.device_serials("main") == [], "it is on no list"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a\u202eb"}, "/name"),
        ({"name": "x" * 81}, "/name"),
        ({"place": "x" * 121}, "/place"),
        ({"label": "x"}, "/label"),
        ({"name": None}, "/name"),
        ({"place": None}, "/place"),
    ],
)
def test_a_wrong_name_is_refused(api: Api, doors: World, body: dict[str, Any], field: str) -> None:
    system, head = api.system(), doors.store.audit_head()
    refused = system.send("PATCH", PATH, body, If_Match="*")
    assert problem(refused) == (422, "request.invalid")
    assert field in refused.text
    assert doors.store.audit_head() == head


def test_who_may_not_and_what_is_not_there(api: Api, doors: World) -> None:
    doors.add_site("hidden", (Host("hidden.example"),), Secret(bytes(range(32, 64))))
    doors.see(doors.finished(3, 1, NOW, site="hidden"))
    system, viewer, there = api.system(), api.system(Role.VIEWER), api.system(sites=("hidden",))
    assert problem(viewer.send("PATCH", PATH, {"name": "x"}, If_Match="*")) == (403, "access.role")
    assert problem(there.send("PATCH", PATH, {"name": "x"}, If_Match="*")) == (403, "access.site")
    assert problem(system.send("PATCH", PATH, {"name": "x"})) == (428, "precondition.missing")
    for serial in (serial_of(3), serial_of(9)):
        path = f"/sites/main/devices/{serial}"
        assert problem(system.send("PATCH", path, {"name": "x"}, If_Match="*")) == (404, "device.not_found")


def test_a_name_of_one_site_is_none_of_another(api: Api, doors: World) -> None:
    doors.add_site("hidden", (Host("hidden.example"),), Secret(bytes(range(32, 64))))
    doors.see(doors.finished(1, 1, NOW, site="hidden"))
    everywhere, here = api.system(), api.system(sites=("main",))
    everywhere.send("PATCH", f"/sites/hidden/devices/{ONE}", {"name": "Vault"}, If_Match="*")
    for path in (PATH, "/sites/main/devices", "/sites/main/devices?search=vault"):
        assert "Vault" not in here.get(path).text
    assert here.json("/sites/main/devices?search=vault")["items"] == []


def test_a_search_is_read_in_pages(api: Api, doors: World) -> None:
    system = api.system()
    for serial, name in ((ONE, "S\u00fcd entrance"), (TWO, "North sud")):
        system.send("PATCH", f"/sites/main/devices/{serial}", {"name": name}, If_Match="*")
    found, following = list[str](), "/sites/main/devices?search=sud&limit=1"
    while following:
        page = system.json(following)
        found += [each["device"] for each in page["items"]]
        following = (page["next"] or "").removeprefix("/api/v1")
    assert found == [TWO, ONE], "by what was found: sud, then sud entrance"
    for query in ("search=", "search=%20", "search=a&after=0", f"search={'x' * 121}"):
        assert problem(system.get(f"/sites/main/devices?{query}")) == (400, "request.parameters"), query


def test_a_site_gets_a_title_and_a_zone(api: Api, doors: World) -> None:
    admin = api.system(Role.ADMIN)
    changed = admin.send("PATCH", "/sites/main", {"title": "Depot  Nord", "time_zone": "europe/berlin"}, If_Match="*")
    site = SHAPES["change_site"].validate_python(changed.json)
    assert (site["title"], site["time_zone"]) == ("Depot Nord", "Europe/Berlin")
    for body in ({"time_zone": "Mars/Olympus"}, {"title": "\u202e"}):
        assert problem(admin.send("PATCH", "/sites/main", body, If_Match="*")) == (422, "request.invalid")
    assert doors.sites.get("main").title == "Depot Nord"
