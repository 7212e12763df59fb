"""What devices may take of the disk: looked at before anything is written, by all processes together."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from engage_server.errors import NotPossible
from engage_server.file_locks import locked
from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.finding import find_device_files
from engage_server.services.device_files.folder import MAX_FILE_BYTES, Collection, DeviceFolders
from engage_server.services.disk_space import room as disk_room
from engage_server.services.disk_space.reserve import DiskReserve, allocated
from engage_server.services.disk_space.room import DiskRoom
from engage_server.services.disk_space.use import device_bytes, measure, sweep
from engage_server.services.evidence.spool import SpoolWriter
from tests.support.chains import NOW
from tests.support.delivering import upload
from tests.support.disk import room_in, small_disk
from tests.support.world import serial_of, told_by

SERIAL = serial_of(1)
KIB = 1024


def rooms(folder: Path, **limits: Any) -> DiskRoom:
    return room_in(folder / "data", folder / "up", **limits)


def written(folder: Path) -> int:
    """What really lies below a folder, in whole blocks, folders themselves left out."""
    return sum(allocated(path.stat().st_size) for path in folder.rglob("*.json") if path.name != "room.json")


def fill(folders: DeviceFolders, serial: str, count: int, length: int = 3000) -> int:
    """Let a device send distinct uploads until it is refused; how many were taken."""
    for number in range(count):
        try:
            with folders.open("main", serial) as folder:
                folder.collect(Collection.AUDITS, [{"n": number, "text": "x" * length}], NOW)
        except NotPossible as error:
            assert error.code in ("disk.full", "device.full"), error
            return number
    return count


class TestLimits:
    @pytest.mark.parametrize("which", ["device", "site", "total"])
    def test_of_files_are_kept_to_the_last_block(self, tmp_path: Path, which: str) -> None:
        limit = 400 * KIB
        folders = DeviceFolders(tmp_path / "data", rooms(tmp_path, **{which: limit}))
        assert fill(folders, SERIAL, 200) > 50
        assert limit - 8 * KIB <= written(tmp_path / "data") <= limit
        other = fill(folders, serial_of(2), 1)
        assert other == (1 if which == "device" else 0), "what one device may says nothing of another"

    @pytest.mark.parametrize("which", ["device", "site", "total", "waiting"])
    def test_of_uploads_refused_ones_included(self, tmp_path: Path, which: str) -> None:
        limit = 200 * KIB
        spool = UpstreamSpool(rooms(tmp_path, **{which: limit}))
        for number in range(10):
            spool.append("main", SERIAL, upload(number))
        for pending in spool.pending("main")[SERIAL]:
            spool.reject(pending, 400)
        with pytest.raises(NotPossible, match="setting"):
            for number in range(10, 100):
                spool.append("main", SERIAL, upload(number))
        assert written(tmp_path / "up" / "main" / "refused") == 10 * 4 * KIB
        assert limit - 16 * KIB <= written(tmp_path / "up") <= limit
        for path in (tmp_path / "up" / "main" / "refused").iterdir():
            path.unlink()
        spool.append("main", SERIAL, upload(1000)), "who makes room has it at once"

    def test_what_was_delivered_makes_room(self, tmp_path: Path) -> None:
        spool = UpstreamSpool(rooms(tmp_path, waiting=32 * KIB))
        for number in range(50):
            spool.append("main", SERIAL, upload(number))
            spool.done(spool.pending("main")[SERIAL][0])

    def test_an_upload_is_measured_as_it_is_written(self, tmp_path: Path) -> None:
        """A mebibyte as it came, of deep lists: eighteen indented, little more than one on our disk."""
        folders = DeviceFolders(tmp_path / "data", rooms(tmp_path))
        leaf: Any = 0
        for _ in range(28):
            leaf = [leaf]
        deep = [leaf for _ in range(17_000)]
        came = len(json.dumps(deep, separators=(",", ":")))
        assert came > 900 * KIB
        with folders.open("main", SERIAL) as folder:
            folder.collect(Collection.AUDITS, deep, NOW)
            assert written(folder.path) < 1.2 * came
            (entry,) = folder.collected(Collection.AUDITS)
        assert entry["upload"] == deep

    def test_what_could_not_be_read_again_is_not_written(self, tmp_path: Path) -> None:
        folders = DeviceFolders(tmp_path / "data", rooms(tmp_path))
        with folders.open("main", SERIAL) as folder, pytest.raises(NotPossible, match="too many to be read again"):
            folder.collect(Collection.AUDITS, ["x" * MAX_FILE_BYTES], NOW)
        assert list((tmp_path / "data" / "main" / SERIAL).iterdir()) == []

    def test_an_import_of_much_is_split_into_files_that_can_be_read(self, tmp_path: Path) -> None:
        exchange = DeviceExchange(DeviceFolders(tmp_path / "data"))
        entries = [{"receivedAt": "x", "digest": f"{n:032}", "upload": ["é" * 400_000]} for n in range(6)]
        source = tmp_path / "in" / SERIAL / "audits.json"
        source.parent.mkdir(parents=True)
        source.write_text(json.dumps({"audits": entries}, ensure_ascii=False), encoding="utf-8")
        exchange.bring_in("main", find_device_files(tmp_path / "in").files, NOW)
        files = list((tmp_path / "data" / "main" / SERIAL).glob("audits.*.json"))
        assert len(files) > 1
        assert all(path.stat().st_size < MAX_FILE_BYTES for path in files)
        assert exchange.collected("main", SERIAL, Collection.AUDITS) == entries
        exchange.take_out("main", [SERIAL], tmp_path / "out")
        assert all(path.stat().st_size <= MAX_FILE_BYTES for path in (tmp_path / "out").rglob("*.json"))

    def test_one_unreadable_file_ends_no_export(self, tmp_path: Path) -> None:
        folders = DeviceFolders(tmp_path / "data")
        for number in range(3):
            fill(folders, serial_of(number), 1)
        spoiled = tmp_path / "data" / "main" / serial_of(1) / "audits.json"
        spoiled.write_bytes(b"[" * (MAX_FILE_BYTES + 1))
        faults: list[str] = []
        exchange = DeviceExchange(folders)
        serials = exchange.serials("main")
        assert told_by(exchange.take_out, "main", serials, tmp_path / "out", faults) == serials
        (fault,) = faults
        assert str(spoiled) in fault
        copied = tmp_path / "out" / serial_of(1) / "audits.json.unreadable"
        assert copied.read_bytes() == spoiled.read_bytes()
        found = find_device_files(tmp_path / "out")
        assert (len(found.files), found.faults) == (2, []), "the others can be brought in"


class TestTheBook:
    def test_threads_and_processes_together_stay_below(self, tmp_path: Path) -> None:
        limit = 800 * KIB
        program = (
            "import sys; from pathlib import Path; from tests.unit.services.disk_space.test_room import *\n"
            "folders = DeviceFolders(Path(sys.argv[1]) / 'data', rooms(Path(sys.argv[1]), site=800 * KIB))\n"
            "fill(folders, serial_of(int(sys.argv[2])), 100)\n"
        )
        processes = [
            subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(number)]) for number in (11, 12)
        ]
        folders = DeviceFolders(tmp_path / "data", rooms(tmp_path, site=limit))
        threads = [Thread(target=fill, args=(folders, serial_of(number), 100)) for number in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [process.wait(60) for process in processes] == [0, 0]
        assert 0.9 * limit < written(tmp_path / "data") <= limit

    def test_no_entry_of_several_at_once_is_lost(self, tmp_path: Path) -> None:
        def take() -> None:
            room = rooms(tmp_path)
            for _ in range(40):
                room.take("main", files=4 * KIB, uploads=8 * KIB)
                room.give_back("main", uploads=4 * KIB)

        rooms(tmp_path).take("main", files=0)
        threads = [Thread(target=take) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (use,) = rooms(tmp_path).use().values()
        assert (use.files, use.uploads) == (6 * 40 * 4 * KIB, 6 * 40 * 4 * KIB)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"main": 7}', b'{"main": {"x": 1}}'])
    def test_one_that_was_torn_is_written_anew(self, tmp_path: Path, content: bytes) -> None:
        folders = DeviceFolders(tmp_path / "data", rooms(tmp_path, site=400 * KIB))
        fill(folders, SERIAL, 200)
        (tmp_path / "room.json").write_bytes(content)
        assert fill(folders, serial_of(2), 10) == 0, "what is there was measured"

    def test_what_a_killed_process_did_not_write_is_not_counted_for_ever(self, tmp_path: Path) -> None:
        room = rooms(tmp_path, site=100 * KIB)
        room.take("main", files=90 * KIB)  # and then it was killed
        assert fill(DeviceFolders(tmp_path / "data", room), SERIAL, 10) == 10

    def test_measuring_takes_a_share_of_the_time_however_often_devices_call(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A full site is where everybody calls again and again."""
        now, measured = [1000.0], [0]

        def slow(*arguments: Any) -> Any:
            now[0] += 2
            measured[0] += 1
            return measure(*arguments)

        monkeypatch.setattr(disk_room, "measure", slow)
        room = rooms(tmp_path, site=4 * KIB, clock=lambda: now[0])
        for _ in range(4000):
            now[0] += 0.1
            with pytest.raises(NotPossible):
                room.take("main", files=8 * KIB)
        assert now[0] > 1400
        assert measured[0] < (now[0] - 1000) / 40 + 3


class TestTemporaryFiles:
    def test_those_of_the_dead_are_swept_and_a_living_ones_are_not(self, tmp_path: Path) -> None:
        folders = DeviceFolders(tmp_path / "data")
        fill(folders, SERIAL, 1)
        folder = tmp_path / "data" / "main" / SERIAL
        spool = tmp_path / "data" / "spool"
        (spool / "upstream" / "main" / "pending").mkdir(parents=True)
        dead = [
            folder / ".audits.json.0123abcd",
            spool / "upstream" / "main" / "pending" / ".x~0000000001.json.0123abcd",
            spool / ("0" * 32 + ".begun"),
        ]
        living, other = folder / ".audits.json.ffff0000", folder / ".hidden"
        for path in (*dead, living, other):
            path.write_bytes(b"x" * 5000)
        now = time.time()
        for path in (*dead, other):
            os.utime(path, (now - 7200, now - 7200))
        assert device_bytes(folder) == 4 * KIB + 2 * 8 * KIB, "they count while they are there"
        assert sweep(tmp_path / "data", now) == len(dead)
        assert living.exists()
        assert other.exists(), "not ours"
        assert (folder / "audits.json").exists()

    def test_measuring_sweeps_too(self, tmp_path: Path) -> None:
        folder = tmp_path / "data" / "main" / SERIAL
        folder.mkdir(parents=True)
        left = folder / ".audits.json.0123abcd"
        left.write_bytes(b"x" * 90 * KIB)
        now = left.stat().st_mtime
        room = rooms(tmp_path, site=100 * KIB, clock=lambda: now + 60)
        with pytest.raises(NotPossible):
            room.take("main", files=12 * KIB)
        room.clock = lambda: now + 4000
        room.take("main", files=12 * KIB)
        assert not left.exists()


class TestReserve:
    def test_uploads_give_way_first_then_sightings_and_operators_have_the_rest(self, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        with small_disk(disk, "10m"):
            room = room_in(disk / "data", disk / "up", reserve=64 * KIB * KIB)  # of so small a disk: a tenth
            folders = DeviceFolders(disk / "data", room)
            spool = SpoolWriter(disk, 1 << 30, DiskReserve(disk, 64 * KIB * KIB).half())
            (disk / "ballast").write_bytes(b"x" * 8 * KIB * KIB)
            with pytest.raises(NotPossible) as caught:
                for number in range(100):
                    with folders.open("main", SERIAL) as folder:
                        folder.collect(Collection.AUDITS, [str(number), "x" * 200 * KIB], NOW)
            assert caught.value.code == "disk.reserve"
            with pytest.raises(NotPossible, match="for operators"):
                UpstreamSpool(room).append("main", SERIAL, upload(1))
            left = os.statvfs(disk).f_bavail * 4096
            assert 1000 * KIB < left < 1400 * KIB
            assert spool.append([b"x" * 1000 + b"\n"]), "sightings are still kept"
            with pytest.raises(AssertionError):
                for _ in range(100):
                    assert spool.append([b"x" * 65_000 + b"\n"])
            assert "for operators" in spool.trouble
            assert os.statvfs(disk).f_bavail * 4096 > 500 * KIB
            (disk / "operator").write_bytes(b"x" * 400 * KIB)
            (disk / "ballast").unlink()
            assert spool.append([b"x\n"])
            fill(folders, SERIAL, 1)

    def test_many_small_files_end_before_the_inodes_do(self, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        with small_disk(disk, "64m,nr_inodes=300"):
            room = room_in(disk / "data", disk / "up", reserve=KIB)
            spool = UpstreamSpool(room)
            with pytest.raises(NotPossible, match="inodes"):
                for number in range(400):
                    spool.append("main", serial_of(number), upload(number))
            assert os.statvfs(disk).f_favail >= 20


class TestLocks:
    def test_are_waited_for_in_a_bounded_time(self, tmp_path: Path) -> None:
        with locked(tmp_path), pytest.raises(NotPossible, match="in use"), locked(tmp_path, 0.05):
            pass
        with locked(tmp_path, 0.05):
            pass

    def test_a_device_whose_folder_is_in_use_is_told_to_come_again(self, tmp_path: Path) -> None:
        folders = DeviceFolders(tmp_path, seconds=0.05)
        with folders.open("main", SERIAL):
            with pytest.raises(NotPossible, match="in use"), folders.open("main", SERIAL):
                pass
            with folders.open("main", serial_of(2)):
                pass


def test_a_repeated_number_overwrites_nothing_that_was_refused(tmp_path: Path) -> None:
    """The state of a device may be lost in a power failure: then its numbers begin anew."""
    spool = UpstreamSpool(rooms(tmp_path))
    for number in range(2):
        spool.append("main", SERIAL, upload(number, at=NOW + timedelta(seconds=number)))
        spool.reject(spool.pending("main")[SERIAL][0], 400)
        (tmp_path / "up" / "main" / "devices" / SERIAL / "state.json").unlink()
    assert spool.rejected("main") == 2
