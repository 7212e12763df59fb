"""Devices' JSON files: what is kept, what is found in others' folders, what is refused before anything changes."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engage_server.errors import BodyInvalid, FileNotUsable, NotPossible, Refused
from engage_server.protocol.json_body import Json
from engage_server.services.device_files import folder as device_folder
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.finding import find_device_files
from engage_server.services.device_files.folder import Collection, DeviceFolders
from engage_server.services.distribution.serial_set import SerialSet
from tests.support.chains import NOW
from tests.support.device_bodies import database
from tests.support.world import serial_of, told_by

SERIAL = serial_of(1)


@pytest.fixture
def folders(tmp_path: Path) -> DeviceFolders:
    return DeviceFolders(tmp_path / "data")


@pytest.fixture
def exchange(folders: DeviceFolders) -> DeviceExchange:
    return DeviceExchange(folders)


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


class TestCollecting:
    def test_each_upload_is_kept_once_and_in_order(self, folders: DeviceFolders) -> None:
        with folders.open("main", SERIAL) as folder:
            first, is_first = folder.collect(Collection.AUDITS, {"audits": [{"event": "0B07"}]}, NOW)
            assert is_first
            assert len(first.fresh) == 1
            same, is_first = folder.collect(Collection.AUDITS, {"audits": [{"event": "0B07"}]}, NOW + timedelta(days=1))
            assert not is_first
            assert same.fresh == ()
            folder.collect(Collection.AUDITS, {"audits": [{"event": "0B07"}, {"event": "1101"}]}, NOW)
            entries = folder.collected(Collection.AUDITS)
        assert [len(entry["upload"]["audits"]) for entry in entries] == [1, 2]
        assert entries[0]["times"] == 2
        assert entries[0]["again"] == [(NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")]
        assert entries[1]["repeated"] == [0]

    def test_one_that_comes_every_night_does_not_grow(self, folders: DeviceFolders) -> None:
        with folders.open("main", SERIAL) as folder:
            for _ in range(500):
                folder.collect(Collection.AUDITS, [{"event": "0B05"}], NOW)
            (entry,) = folder.collected(Collection.AUDITS)
        assert entry["times"] == 500
        assert len(entry["again"]) == 20

    def test_a_full_file_is_closed_and_nothing_forgotten(
        self, folders: DeviceFolders, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(device_folder, "_FULL_BYTES", 1000)
        with folders.open("main", SERIAL) as folder:
            firsts = [folder.collect(Collection.AUDITS, [{"event": "0B05", "n": n}], NOW)[1] for n in range(50)]
            assert [entry["upload"][0]["n"] for entry in folder.collected(Collection.AUDITS)] == list(range(50))
            assert len(list(folder.path.glob("audits.*.json"))) > 3
            assert all(path.stat().st_size < 1500 for path in folder.path.glob("audits*.json"))
        assert firsts == [True] + [False] * 49, "201 is for the first time alone"

    def test_one_that_fills_a_file_is_known_when_it_comes_again(self, folders: DeviceFolders) -> None:
        """Our answer was lost: a lock that sends all it has for ever must not fill the disk with it."""
        long = [{"event": "0B05", "text": "x" * 1000, "n": n} for n in range(600)]
        with folders.open("main", SERIAL) as folder:
            for number in range(5):
                folder.collect(Collection.AUDITS, long, NOW)
                folder.collect(Collection.AUDITS, [{"event": "0B05", "n": number}], NOW)
            entries = folder.collected(Collection.AUDITS)
            assert [len(entry["upload"]) for entry in entries] == [600, 1, 1, 1, 1, 1]
            folder.collect(Collection.AUDITS, [*long, {"event": "0B07"}], NOW)
            assert len(folder.collected(Collection.AUDITS)) == 7, "another one is another one"

    def test_somewhere_it_ends(self, folders: DeviceFolders, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(device_folder, "_FULL_BYTES", 10)
        monkeypatch.setattr(device_folder, "_MOST_FILES", 3)
        with folders.open("main", SERIAL) as folder:
            for number in range(3):
                folder.collect(Collection.AUDITS, [number], NOW)
            with pytest.raises(NotPossible, match="has 3 files"):
                folder.collect(Collection.AUDITS, [4], NOW)
            folder.collect(Collection.ALERTS, [4], NOW)

    def test_the_same_body_of_another_call_is_another_upload(self, folders: DeviceFolders) -> None:
        with folders.open("main", SERIAL) as folder:
            for call in ("scan", "credentials", "scan"):
                folder.collect(Collection.CREDENTIALS, {"card": "1"}, NOW, call=call)
            entries = folder.collected(Collection.CREDENTIALS)
        assert [(each["call"], each.get("times", 1)) for each in entries] == [("scan", 2), ("credentials", 1)]

    def test_passwords_are_not_kept(self, folders: DeviceFolders) -> None:
        with folders.open("main", SERIAL) as folder:
            folder.collect(Collection.ALERTS, {"event": "0F01", "wifi": {"psk": "hunter2"}}, NOW)
        assert all(b"hunter2" not in path.read_bytes() for path in folder.path.rglob("*.json"))

    def test_files_and_folders_are_for_this_user_alone(self, folders: DeviceFolders, tmp_path: Path) -> None:
        with folders.open("main", SERIAL) as folder:
            folder.collect(Collection.AUDITS, [1], NOW)
        assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "data").rglob("*"))

    @pytest.mark.parametrize("content", ["{", '{"audits": 7}', '{"audits": [{"x": 1}]}', "[]"])
    def test_a_spoiled_file_is_left_as_it_is(self, folders: DeviceFolders, content: str) -> None:
        with folders.open("main", SERIAL) as folder:
            (folder.path / "audits.json").write_text(content)
            with pytest.raises(BodyInvalid, match=r"audits\.json"):
                folder.collect(Collection.AUDITS, [1], NOW)
            assert (folder.path / "audits.json").read_text() == content


class TestDatabases:
    def test_the_one_before_is_kept_and_answers_who_holds_it(self, folders: DeviceFolders) -> None:
        with folders.open("main", SERIAL) as folder:
            assert folder.database() is None
            for version in range(0x10, 0x20):
                folder.put_database(database(hex(version)))
            folder.put_database(database("0x1f"))  # the very same again
            kept = [version for version in range(0x20) if folder.earlier(version) is not None]
            assert kept == list(range(0x15, 0x1F)), "the last ten"

    def test_the_configuration_goes_with_it(self, folders: DeviceFolders) -> None:
        with folders.open("main", SERIAL) as folder:
            folder.put_database(database())
            folder.put("configuration.json", {"relock": 9})
            answer = folder.database()
        assert answer is not None
        assert answer["config"] == {"relock": 9}
        assert list(answer) == list(database())

    def test_one_that_would_hurt_is_not_written(self, folders: DeviceFolders) -> None:
        with folders.open("main", SERIAL) as folder:
            with pytest.raises(BodyInvalid):
                folder.put_database(database() | {"nxtDbVerTS": "now"})
            assert folder.database() is None


class TestFindingFiles:
    @pytest.mark.parametrize(
        ("name", "value", "kind"),
        [
            (f"{SERIAL}/database.json", database(), "database.json"),
            (f"{SERIAL}/anything.json", database(), "database.json"),
            (f"{SERIAL.lower()}_db.json", database(), "database.json"),
            (f"lock-{SERIAL}-audits.json", [{"event": "0B07"}], "audits.json"),
            (f"{SERIAL}/audits.000003.json", {"audits": []}, "audits.json"),
            (f"Audits/{SERIAL}.json", [{"event": "0B07"}], "audits.json"),
            (f"{SERIAL}/config.json", {"relock": 1}, "configuration.json"),
            ("door7_parameters.json", {"serialNumber": SERIAL, "fw": "1"}, "parameters.json"),
            ("alerts.json", {"serialNumber": SERIAL, "event": "0F01"}, "alerts.json"),
        ],
    )
    def test_which_device_and_what(self, tmp_path: Path, name: str, value: Json, kind: str) -> None:
        write(tmp_path / "in" / name, value)
        found = find_device_files(tmp_path / "in")
        assert found.faults == []
        assert [(each.serial, each.kind) for each in found.files] == [(SERIAL, kind)]

    def test_one_file_with_everything(self, tmp_path: Path) -> None:
        value = {"serialNumber": SERIAL, **database(), "audits": [{"event": "0B07"}], "parameters": {"fw": "1"}}
        found = find_device_files(write(tmp_path / "door.json", value))
        assert {each.kind for each in found.files} == {"database.json", "audits.json", "parameters.json"}
        answer = next(each.read() for each in found.files if each.kind == "database.json")
        assert isinstance(answer, dict)
        assert "serialNumber" not in answer

    def test_one_file_in_its_devices_folder(self, tmp_path: Path) -> None:
        (each,) = find_device_files(write(tmp_path / SERIAL / "database.json", database())).files
        assert (each.serial, each.kind) == (SERIAL, "database.json")

    def test_one_that_was_changed_since_it_was_judged(self, exchange: DeviceExchange, tmp_path: Path) -> None:
        path = write(tmp_path / SERIAL / "database.json", database())
        found = find_device_files(tmp_path)
        write(path, database() | {"nxtDbVerTS": "x"})
        with pytest.raises(BodyInvalid):
            exchange.bring_in("main", found.files, NOW)
        assert exchange.serials("main") == []

    @pytest.mark.parametrize(
        ("name", "content", "fault"),
        [
            ("door.json", "{}", "the device of this file is unknown"),
            (f"{SERIAL}/x.json", "{}", "the kind of this file is unknown"),
            (f"{SERIAL}/database.json", "{", "not JSON"),
            (f"{SERIAL}/database.json", json.dumps(database() | {"nxtDbVerTS": "1"}), "nxtDbVerTS"),
            (f"{SERIAL}/config.json", "[]", "not a JSON object"),
        ],
    )
    def test_what_can_not_be_taken_is_named(self, tmp_path: Path, name: str, content: str, fault: str) -> None:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
        (sentence,) = find_device_files(tmp_path / "in").faults
        assert fault in sentence
        assert str(path) in sentence

    def test_a_name_that_reads_as_base64_is_no_serial_number(self, tmp_path: Path) -> None:
        write(tmp_path / "ABCDEFGHIJKLMNOPQRSTUw" / "database.json", database())
        assert len(find_device_files(tmp_path).faults) == 1

    def test_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotUsable):
            find_device_files(tmp_path / "nothing")


class TestInAndOut:
    def test_out_and_in_elsewhere_is_the_same(self, exchange: DeviceExchange, tmp_path: Path) -> None:
        write(tmp_path / "in" / SERIAL / "database.json", database())
        write(tmp_path / "in" / SERIAL / "audits.json", [{"event": "0B07"}])
        write(tmp_path / "in" / SERIAL / "parameters.json", {"fw": "1", "wifiPassword": "hunter2"})
        assert told_by(exchange.bring_in, "main", find_device_files(tmp_path / "in").files, NOW) == [SERIAL]
        assert told_by(exchange.take_out, "main", [SERIAL], tmp_path / "out") == [SERIAL]
        other = DeviceExchange(DeviceFolders(tmp_path / "other"))
        other.bring_in("main", find_device_files(tmp_path / "out").files, NOW)
        other.take_out("main", [SERIAL], tmp_path / "again")
        for path in sorted((tmp_path / "out" / SERIAL).iterdir()):
            assert path.read_bytes() == (tmp_path / "again" / SERIAL / path.name).read_bytes()
            assert b"hunter2" not in path.read_bytes()

    def test_another_database_of_the_same_version_is_refused(self, exchange: DeviceExchange, tmp_path: Path) -> None:
        """Devices that hold that version would never get it."""
        path = write(tmp_path / SERIAL / "database.json", database("0x10"))
        exchange.bring_in("main", find_device_files(tmp_path / SERIAL).files, NOW)
        exchange.bring_in("main", find_device_files(tmp_path / SERIAL).files, NOW)
        write(path, database("0x10", (1, 2, 3)))
        with pytest.raises(Refused, match="not newer"):
            exchange.bring_in("main", find_device_files(tmp_path / SERIAL).files, NOW)
        write(path, database("0x11", (1, 2, 3)))
        exchange.bring_in("main", find_device_files(tmp_path / SERIAL).files, NOW)

    @pytest.mark.parametrize("content", ["{nonsense", "[]", "7", '{"db": {}}'])
    def test_a_damaged_database_is_replaced(self, exchange: DeviceExchange, tmp_path: Path, content: str) -> None:
        """The error says "import it again", so that must work."""
        write(tmp_path / SERIAL / "database.json", database("0x10"))
        files = find_device_files(tmp_path / SERIAL).files
        here = tmp_path / "data" / "main" / SERIAL / "database.json"
        write(here, None)
        here.write_text(content)
        exchange.assert_newer("main", files)
        exchange.bring_in("main", files, NOW)
        assert json.loads(here.read_text()) == database("0x10")
        aside = here.with_name("database.json.unreadable")
        assert aside.exists() == (content == "{nonsense")
        assert not aside.exists() or aside.read_text() == content

    def test_events_are_told_once_each(self, exchange: DeviceExchange, folders: DeviceFolders) -> None:
        with folders.open("main", SERIAL) as folder:
            folder.collect(Collection.AUDITS, {"audits": [{"event": "0B05", "timestamp": "1"}]}, NOW)
            folder.collect(Collection.AUDITS, {"audits": [{"event": "0B05", "timestamp": "1"}, {"x": 1}]}, NOW)
        events = exchange.events("main", SERIAL)
        assert [(each.code, each.device_time) for each in events] == [("0B05", "1"), ("", "")]
        assert "kept as it came" in events[1].sentence
        assert exchange.events("main", serial_of(9)) == []

    def test_alerts_are_events_too(self, exchange: DeviceExchange, folders: DeviceFolders) -> None:
        with folders.open("main", SERIAL) as folder:
            folder.collect(Collection.AUDITS, {"audits": [{"event": "0B07"}]}, NOW + timedelta(seconds=1))
            folder.collect(Collection.ALERTS, {"event": "0B05"}, NOW)
            folder.collect(Collection.AUDITS, {"audits": [{"event": "1100"}]}, NOW + timedelta(seconds=2))
        found = [(each.upload, each.code) for each in exchange.events("main", SERIAL)]
        assert found == [("alert", "0B05"), ("audit", "0B07"), ("audit", "1100")]


def test_a_set_of_serial_numbers() -> None:
    some = [serial_of(n) for n in (5, 1, 3, 3)]
    found = SerialSet(some)
    assert len(found) == 3
    assert all(serial in found for serial in some)
    assert serial_of(2) not in found
    assert serial_of(2) not in SerialSet()
