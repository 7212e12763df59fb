"""What people call a device, by the API."""

from typing import Any

import pytest

from engage_server.records import AuditAction, Role
from tests.support.api import Api, Caller, problem
from tests.support.world import World, serial_of

DEVICE = f"/sites/main/devices/{serial_of(1)}"


@pytest.fixture
def system(api: Api) -> Caller:
    system = api.system()
    assert system.create("/sites/main/devices", {"serials": [serial_of(1)]}).status_code == 200
    return system


def test_a_name_and_a_place_are_given_and_removed(system: Caller, world: World) -> None:
    shown = system.get(DEVICE)
    body = {"name": "North entrance", "place": "Building 3", "reason": "a new sign"}
    named = system.change("PATCH", DEVICE, body, shown)
    expected = {"serial": serial_of(1), "site": "main", "name": "North entrance", "place": "Building 3"}
    assert (named.status_code, named.json) == (200, expected), named.text
    entry = world.store.audit_entry(world.store.audit_head().number)
    assert entry is not None
    assert (entry.event.action, entry.event.reason) == (AuditAction.DEVICE_NAMED, "a new sign")
    assert problem(system.change("PATCH", DEVICE, body, shown)) == (412, "precondition.failed")
    emptied = system.change("PATCH", DEVICE, {"name": ""}, named)
    assert emptied.json == {**expected, "name": None}, "what is left out stays"
    assert system.json(DEVICE)["place"] == "Building 3"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"place": None}, "/place"),
        ({"name": "x" * 81}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"title": "x"}, "/title"),
    ],
)
def test_what_is_no_name_changes_nothing(system: Caller, world: World, body: dict[str, Any], pointer: str) -> None:
    before = world.store.audit_head()
    refused = system.change("PATCH", DEVICE, body, "*")
    assert problem(refused) == (422, "request.invalid")
    assert [each["pointer"] for each in (refused.json or {})["errors"]] == [pointer]
    assert world.store.audit_head() == before


def test_who_may_not_and_what_is_not_there(api: Api, system: Caller) -> None:
    body = {"name": "North entrance"}
    assert problem(api.system(Role.VIEWER).change("PATCH", DEVICE, body, "*")) == (403, "access.role")
    assert problem(system.send("PATCH", DEVICE, body)) == (428, "precondition.missing")
    gone = f"/sites/main/devices/{serial_of(9)}"
    assert problem(system.change("PATCH", gone, body, "*")) == (404, "device.not_found")
    assert problem(system.send("PUT", f"{DEVICE}/name", body)) == (404, "address.not_found")
