"""What devices uploaded, by the API: a system that asks again and again misses nothing, and gets nothing twice."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from engage_server.records import AuditEvent, CallIn, CallInWay
from engage_server.services.device_files import folder as device_folder
from engage_server.services.device_files import upload_feed
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.finding import find_device_files
from engage_server.services.device_files.folder import Collection, DeviceFolders
from engage_server.store.interface.shared_files import UploadKey, UploadLimits
from engage_server.web.api.paging import PageJson
from engage_server.web.api.routes.uploads import UploadPageJson
from tests.support.api import Api, Caller, problem
from tests.support.chains import NOW
from tests.support.world import World, serial_of

FEED = "/sites/main/uploads"
OF_SITE, OF_DEVICE = TypeAdapter(UploadPageJson), TypeAdapter(PageJson[Any])


@pytest.fixture
def folders(world: World) -> DeviceFolders:
    return DeviceFolders(world.folder / "data")


def upload(folders: DeviceFolders, device: int, number: int, kind: Collection = Collection.AUDITS) -> None:
    with folders.open("main", serial_of(device)) as folder:
        folder.collect(kind, {"n": number, str(kind): [{"event": "0B05", "n": number}]}, NOW)


class Poller:
    """A system that keeps its cursor."""

    def __init__(self, caller: Caller, query: str = "limit=3") -> None:
        self._caller, self._query = caller, query
        self.cursor = ""

    def poll(self) -> list[tuple[str, int]]:
        """What is new, page by page."""
        found, following = [], f"{FEED}?{self._query}" + (f"&cursor={self.cursor}" if self.cursor else "")
        while following:
            page = OF_SITE.validate_python(self._caller.json(following))
            found += [(each["serial"], each["received"]["upload"]["n"]) for each in page["items"] if each["received"]]
            self.cursor, following = page["cursor"], (page["next"] or "").removeprefix("/api/v1")
        return found


def test_how_far_a_system_has_read_shared_uploads_is_known(api: Api, world: World, event: AuditEvent) -> None:
    """So that none is removed that it does not have. A person who looks at the list holds nothing."""
    store = world.store
    store.change_site(replace(store.site("main"), call_in=CallIn(CallInWay.SHARED)), event)
    for each in "abc":
        content = json.dumps({"digest": each, "receivedAt": "2026-01-01T00:00:00Z", "upload": {"n": 1}}).encode()
        key = UploadKey(serial_of(1), "audits", each)
        store.add_shared_upload("main", key, lambda *_, content=content: content, UploadLimits(999, 999))
    system = api.system()
    first = system.json(f"{FEED}?limit=2")
    assert store.shared_readers("main") == [], "it may not have got that answer"
    system.json(f"{FEED}?limit=2&cursor={first['cursor']}")
    assert [each.number for each in store.shared_readers("main")] == [2]
    assert store.forget_shared_uploads("main", timedelta(0), 9) == 2
    assert len(system.json(f"{FEED}?cursor={first['cursor']}")["items"]) == 1


def test_each_upload_comes_once_and_in_order(api: Api, folders: DeviceFolders) -> None:
    poller = Poller(api.system())
    assert poller.poll() == []
    for number in range(7):
        upload(folders, 1 + number % 2, number)
    upload(folders, 1, 0)  # our answer was lost, so it came again
    assert [number for _, number in poller.poll()] == list(range(7))
    assert poller.poll() == []
    upload(folders, 2, 8)
    assert poller.poll() == [(serial_of(2), 8)]


def test_full_files_exports_and_imports_change_nothing(
    api: Api, folders: DeviceFolders, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_folder, "_FULL_BYTES", 400)
    poller, late = Poller(api.system()), Poller(api.system())
    seen = list[int]()
    for number in range(30):
        upload(folders, 1, number)
        if number % 4 == 0:
            seen += [each for _, each in poller.poll()]
        if number == 10:
            exchange = DeviceExchange(folders)
            exchange.take_out("main", [serial_of(1)], world.folder / "out")
            folders.remove("main", serial_of(1))
            elsewhere = world.folder / "elsewhere" / serial_of(1) / "audits.json"
            elsewhere.parent.mkdir(parents=True)
            elsewhere.write_text(json.dumps([{"event": "0B09", "n": "imported"}]))
            for each in (elsewhere.parent, world.folder / "out"):
                exchange.bring_in("main", find_device_files(each).files, NOW)
    seen += [each for _, each in poller.poll()]
    assert seen == list(range(30))
    assert [each for _, each in late.poll()] == list(range(30)), "whoever begins later gets the same"


def test_nothing_is_missed_while_devices_upload(api: Api, folders: DeviceFolders) -> None:
    poller, seen = Poller(api.system(), "limit=5"), list[tuple[str, int]]()

    def send(device: int) -> None:
        for number in range(15):
            upload(folders, device, number)

    threads = [threading.Thread(target=send, args=(device,)) for device in range(4)]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        seen += poller.poll()
    seen += poller.poll()
    assert len(seen) == len(set(seen)) == 60


def test_a_kill_between_record_and_file_loses_and_repeats_nothing(
    api: Api, folders: DeviceFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = Poller(api.system())

    class Killed(BaseException):
        pass

    def die(_path: Any, _content: Any, _mode: int, before: Any) -> None:
        before()
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(device_folder, "replace_file", die)
        upload(folders, 1, 1)
    assert poller.poll() == []
    upload(folders, 1, 1)  # the device got no answer
    assert poller.poll() == [(serial_of(1), 1)]
    assert Poller(api.system()).poll() == [(serial_of(1), 1)]


def test_kinds_are_told_apart(api: Api, folders: DeviceFolders) -> None:
    for kind in Collection:
        upload(folders, 1, 1, kind)
    assert len(Poller(api.system(), "kind=alerts").poll()) == 1
    page = api.system().json(FEED)
    assert [each["kind"] for each in page["items"]] == ["audits", "alerts", "credentials"]
    assert problem(api.system().get(f"{FEED}?kind=other")) == (400, "request.parameters")


def test_a_cursor_that_is_too_old_is_told(api: Api, folders: DeviceFolders, world: World) -> None:
    poller = Poller(api.system())
    upload(folders, 1, 1)
    poller.poll()
    journal = world.folder / "data" / "main" / ".uploads"
    for each in journal.iterdir():
        each.unlink()
    assert problem(api.system().get(f"{FEED}?cursor={poller.cursor}")) == (410, "uploads.forgotten")
    upload(folders, 1, 2)
    assert problem(api.system().get(f"{FEED}?cursor={poller.cursor}")) == (410, "uploads.forgotten")
    for wrong in ("else", "begin-1", f"{poller.cursor}0" * 3):
        assert problem(api.system().get(f"{FEED}?cursor={wrong}")) == (400, "cursor.invalid")


def test_a_damaged_file_hides_no_other_upload(api: Api, folders: DeviceFolders) -> None:
    upload(folders, 1, 1)
    upload(folders, 2, 2)
    (folders.path("main", serial_of(1)) / "audits.json").write_text("{")
    bad, good = OF_SITE.validate_python(api.system().json(FEED))["items"]
    assert (bad["serial"], bad["received"]) == (serial_of(1), None)
    assert "audits.json" in (bad["fault"] or "")
    assert good["received"] is not None
    assert problem(api.system().get(f"/sites/main/devices/{serial_of(1)}/uploads")) == (409, "device_files.damaged")
    assert problem(api.system().get("/sites/main/devices/" + serial_of(9))) == (404, "device.not_found")


def test_a_page_of_long_files_ends_early(api: Api, folders: DeviceFolders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_feed, "_MOST_BYTES", 100)
    for device in range(4):
        upload(folders, device, device)
    page = api.system().json(FEED)
    assert len(page["items"]) == 1
    assert page["next"]
    assert len(Poller(api.system()).poll()) == 4


def test_passwords_are_in_no_answer(api: Api, folders: DeviceFolders) -> None:
    with folders.open("main", serial_of(1)) as folder:
        folder.collect(Collection.AUDITS, {"wifiPassword": "hunter2", "audits": []}, NOW)
        entry = {"receivedAt": "x", "digest": "y", "upload": {"wifiPassword": "hunter2", "n": 1}}
        folder.add_collected(Collection.ALERTS, [entry])
    for path in (FEED, f"/sites/main/devices/{serial_of(1)}/uploads"):
        assert "hunter2" not in api.system().get(path).text
    assert len(api.system().json(f"/sites/main/devices/{serial_of(1)}/uploads")["items"]) == 2


def test_one_device_is_read_in_pages_while_its_files_fill(
    api: Api, folders: DeviceFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_folder, "_FULL_BYTES", 700)
    for number in range(10):
        upload(folders, 1, number)
        upload(folders, 1, 100 + number, Collection.ALERTS)
    system, found, number = api.system(), list[int](), 10
    following = f"/sites/main/devices/{serial_of(1)}/uploads?limit=3"
    while following:
        page = OF_DEVICE.validate_python(system.json(following))
        found += [each["received"]["upload"]["n"] for each in page["items"]]
        following = (page["next"] or "").removeprefix("/api/v1")
        if number < 13:
            upload(folders, 1, number)
            number += 1
    assert found == [*range(13), *range(100, 110)]
    assert system.json(f"/sites/main/devices/{serial_of(2)}/uploads") == {
        "items": [],
        "next": None,
        "next_cursor": None,
    }
    for wrong in ("else", "audits.0.0.nothing", "alerts.0.0.x&kind=audits"):
        path = f"/sites/main/devices/{serial_of(1)}/uploads?cursor={wrong}"
        assert problem(system.get(path)) == (400, "cursor.invalid")
