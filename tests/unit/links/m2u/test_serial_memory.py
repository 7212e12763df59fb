"""The memory of serial numbers is whole, bounded, and shared by all workers."""

import json
import threading
from pathlib import Path

import pytest

from engage_server.errors import EngageError
from engage_server.links.m2u import serial_memory
from engage_server.links.m2u.serial_memory import SerialMemory


def kept(_last: str | None) -> bool:
    return True


def test_it_lasts(tmp_path: Path) -> None:
    assert SerialMemory(tmp_path, "plant").change("acme", "one", "1", kept)
    assert SerialMemory(tmp_path, "plant").last("acme", "one") == "1"
    assert SerialMemory(tmp_path, "plant").last("acme", "two") is None
    assert SerialMemory(tmp_path, "depot").last("acme", "one") is None
    assert (tmp_path / "m2u" / "plant.json").stat().st_mode & 0o777 == 0o600


def test_account_and_device_are_not_mixed_up(tmp_path: Path) -> None:
    memory = SerialMemory(tmp_path, "plant")
    memory.change("a/b", "c", "1", kept)
    assert memory.last("a", "b/c") is None


def test_what_was_not_recorded_is_not_remembered(tmp_path: Path) -> None:
    memory = SerialMemory(tmp_path, "plant")
    assert not memory.change("acme", "one", "1", lambda _last: False)
    assert memory.last("acme", "one") is None


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "m2u").mkdir()
    for content in ("", "[1]", "{", '{"a": {}}'):
        (tmp_path / "m2u" / "plant.json").write_text(content)
        assert SerialMemory(tmp_path, "plant").last("acme", "one") is None


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_memory, "MOST_DEVICES", 3)
    memory = SerialMemory(tmp_path, "plant")
    for number in range(5):
        memory.change("acme", str(number), "1", kept)
    assert len(json.loads((tmp_path / "m2u" / "plant.json").read_text())) == 3
    assert [memory.last("acme", str(number)) for number in range(5)] == [None, None, "1", "1", "1"]


def test_one_change_is_recorded_once_whoever_sees_it(tmp_path: Path) -> None:
    SerialMemory(tmp_path, "plant").change("acme", "one", "1", kept)
    seen: list[str | None] = []
    workers = [SerialMemory(tmp_path, "plant") for _ in range(6)]
    start = threading.Barrier(len(workers))

    def record(last: str | None) -> bool:
        seen.append(last)
        return True

    def see(memory: SerialMemory) -> None:
        start.wait()
        memory.change("acme", "one", "2", record)

    threads = [threading.Thread(target=see, args=(memory,)) for memory in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen, key=str) == ["1", None, None, None, None, None]


def test_it_makes_no_data_folder(tmp_path: Path) -> None:
    with pytest.raises(EngageError, match="is gone"):
        SerialMemory(tmp_path / "lost", "plant").change("acme", "one", "1", kept)
