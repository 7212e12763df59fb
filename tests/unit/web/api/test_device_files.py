"""Devices' databases and configurations by the API: compared, checked, put, and recorded."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from engage_server.as_json.uploads import PutFileJson
from engage_server.errors import StoreNotUsable
from engage_server.records import AuditAction, Host, Role, Secret
from engage_server.store.sql_store import SqlStore
from tests.support.api import Api, Caller, problem
from tests.support.device_bodies import database
from tests.support.world import World, serial_of

DEVICE = f"/sites/main/devices/{serial_of(1)}"
DATABASE = f"{DEVICE}/database"
CONFIGURATION = f"{DEVICE}/configuration"


def first(caller: Caller, path: str, body: Any) -> Any:
    return caller.send("PUT", f"{path}?reason=key%20lost", body, If_None_Match="*")


def stored(world: World, name: str = "database.json") -> Any:
    return json.loads((world.folder / "data" / "main" / serial_of(1) / name).read_text())


def test_a_database_is_put_read_and_replaced(api: Api, world: World) -> None:
    system = api.system()
    assert problem(system.get(DATABASE)) == (404, "database.not_found")
    head = world.store.audit_head().number
    put = first(system, DATABASE, database("0x10"))
    assert put.status_code == 200, put.text
    answer = TypeAdapter(PutFileJson).validate_python(put.json)
    path = world.folder / "data" / "main" / serial_of(1) / "database.json"
    assert (answer["version"], answer["bytes"]) == ("0x10", path.stat().st_size)
    assert world.store.audit_head().number == head + 1, "one entry, although the device was on no list"
    entry = world.store.audit_entry(head + 1)
    assert entry is not None
    assert (entry.event.action, entry.event.actor) == (AuditAction.DEVICES_IMPORTED, "token system1")
    assert (entry.event.site, entry.event.reason) == ("main", "key lost")
    assert (entry.event.facts["device"], entry.event.facts["files"]) == (serial_of(1), "database.json")
    assert world.store.site_of_device(serial_of(1)) == "main"
    shown = system.get(DATABASE)
    assert shown.json == database("0x10") == stored(world)
    replaced = system.change("PUT", DATABASE, database("0x11"), shown)
    assert replaced.status_code == 200, replaced.text
    assert world.store.audit_head().number == head + 2
    assert stored(world)["nxtDbVerTS"] == "0x11"
    assert stored(world, "earlier/0x0000000000000010.json")["nxtDbVerTS"] == "0x10"
    again = system.change("PUT", DATABASE, database("0x12"), replaced)
    assert again.status_code == 200, "the ETag of the answer to a PUT is good for the next one"


def test_nobody_overwrites_what_they_have_not_seen(api: Api, world: World) -> None:
    system = api.system()
    assert problem(system.send("PUT", DATABASE, database())) == (428, "precondition.missing")
    assert problem(system.send("PUT", DATABASE, database(), If_Match='"other"')) == (412, "precondition.failed")
    old = first(system, DATABASE, database("0x10"))
    assert problem(first(system, DATABASE, database("0x11"))) == (412, "precondition.failed")
    system.change("PUT", DATABASE, database("0x11"), old)
    head = world.store.audit_head()
    assert problem(system.change("PUT", DATABASE, database("0x12"), old)) == (412, "precondition.failed")
    assert stored(world)["nxtDbVerTS"] == "0x11"
    assert world.store.audit_head() == head
    assert system.change("PUT", DATABASE, database("0x12"), "*").status_code == 200


def test_of_many_at_once_one_wins(api: Api, world: World) -> None:
    """All have seen the same. The comparison before the lock lets them through; the one under it does not."""
    seen = first(api.system(), DATABASE, database("0x10")).headers["ETag"]
    callers, statuses, gate = [api.system() for _ in range(6)], list[int](), threading.Barrier(6)

    def put(number: int) -> None:
        gate.wait()
        answer = callers[number].change("PUT", DATABASE, database(f"0x{20 + number}"), seen)
        statuses.append(answer.status_code)

    head = world.store.audit_head().number
    threads = [threading.Thread(target=put, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(statuses) == [200, 412, 412, 412, 412, 412]
    assert world.store.audit_head().number == head + 1


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (DATABASE, {"db": {"schedules": []}, "nxtDbVerTS": "0x1"}, (422, "database.harmful")),
        (DATABASE, [], (422, "database.harmful")),
        (DATABASE, b"{", (400, "body.invalid")),
        (DATABASE, b'{"nxtDbVerTS": "0x1", "nxtDbVerTS": "0x2"}', (400, "body.invalid")),
        (DATABASE, b"[" * 200, (400, "body.invalid")),
        (DATABASE, b" " * (4 * 1024 * 1024) + b"{}", (413, "request.too_large")),
        (CONFIGURATION, [], (422, "configuration.invalid")),
        (CONFIGURATION, b'{"a": 1, "a": 2}', (400, "body.invalid")),
    ],
)
def test_what_would_harm_a_device_is_refused(
    api: Api, world: World, path: str, body: Any, expected: tuple[int, str]
) -> None:
    system = api.system()
    head = world.store.audit_head()
    assert problem(first(system, path, body)) == expected
    assert world.store.audit_head() == head
    assert not (world.folder / "data" / "main").exists()


def test_a_database_that_is_not_newer_is_refused(api: Api, world: World) -> None:
    system = api.system()
    seen = first(system, DATABASE, database("0x10"))
    head = world.store.audit_head()
    older = system.change("PUT", DATABASE, database("0x10", users=(3,)), seen)
    assert problem(older) == (422, "database.not_newer")
    assert world.store.audit_head() == head
    assert stored(world) == database("0x10")


def test_a_configuration_is_put_and_read(api: Api, world: World) -> None:
    system = api.system()
    assert problem(system.get(CONFIGURATION)) == (404, "configuration.not_found")
    put = first(system, CONFIGURATION, {"relock": 3})
    assert TypeAdapter(PutFileJson).validate_python(put.json)["version"] is None
    assert system.json(CONFIGURATION) == {"relock": 3}
    assert system.change("PUT", CONFIGURATION, {"relock": 4}, put).status_code == 200


def test_if_the_log_cannot_be_written_nothing_changes(api: Api, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    system = api.system()
    seen = first(system, DATABASE, database("0x10"))

    def record(*_: Any) -> None:
        raise StoreNotUsable("the database does not answer", "Wait.")

    monkeypatch.setattr(SqlStore, "record", record)
    assert problem(system.change("PUT", DATABASE, database("0x11"), seen)) == (503, "store.not_usable")
    assert system.json(DATABASE) == database("0x10")
    folder = world.folder / "data" / "main" / serial_of(1)
    assert [each.name for each in folder.iterdir() if each.is_file()] == ["database.json"]


def test_a_device_of_another_site_gets_nothing(api: Api, world: World) -> None:
    world.add_site("hidden", (Host("hidden.example"),), Secret(bytes(range(32, 64))))
    world.sites.add_device(serial_of(1), "hidden", world.occasion)
    head = world.store.audit_head()
    for caller in (api.system(sites=("main",)), api.system()):
        head = world.store.audit_head()
        answer = first(caller, DATABASE, database())
        assert problem(answer) == (404, "device.not_found")
        assert "hidden" not in answer.text
        assert world.store.audit_head() == head


def test_a_damaged_file_is_told_and_can_be_replaced(api: Api, world: World) -> None:
    system = api.system()
    first(system, DATABASE, database("0x10"))
    (world.folder / "data" / "main" / serial_of(1) / "database.json").write_text("{")
    assert problem(system.get(DATABASE)) == (409, "device_files.damaged")
    assert problem(first(system, DATABASE, database("0x11"))) == (412, "precondition.failed")
    assert system.change("PUT", DATABASE, database("0x11"), "*").status_code == 200
    assert system.json(DATABASE) == database("0x11")


def test_a_viewer_reads_no_file(api: Api, world: World) -> None:
    first(api.system(), DATABASE, database())
    viewer = api.system(Role.VIEWER)
    assert problem(viewer.get(DATABASE)) == (403, "access.role")
    assert problem(viewer.change("PUT", DATABASE, database("0x11"), "*")) == (403, "access.role")
    assert problem(viewer.get("/sites/main/uploads")) == (403, "access.role")


def test_a_real_one_fits(api: Api, tmp_path: Path) -> None:
    """Five thousand users with long names, on one door."""
    users = [
        {"usrID": n, "fnctn": "norm", "crdntls": "A" * 64, "schdl": [1, 2, 3], "actDt": "20260101", "expDt": "20271231"}
        for n in range(5000)
    ]
    body = database()
    body["db"]["usrRcrd"]["add"] = users
    put = first(api.system(), DATABASE, body)
    assert put.status_code == 200
    assert put.json is not None
    assert put.json["bytes"] < 1024 * 1024
