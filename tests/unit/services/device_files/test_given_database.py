"""Which database a device asked with, and was given: how an operator sees that one arrived."""

from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.services.device_files.folder import DeviceFolder, DeviceFolders
from engage_server.services.device_files.given_database import GIVEN, GivenDatabase, read_given, record_given
from tests.support.chains import NOW
from tests.support.world import serial_of

AT = NOW.replace(microsecond=0)
FIRST = GivenDatabase(AT, "0", "0x0000000000000001")


@pytest.fixture
def folder(tmp_path: Path) -> DeviceFolder:
    (tmp_path / "main" / serial_of(1)).mkdir(parents=True)
    return DeviceFolder(DeviceFolders(tmp_path).path("main", serial_of(1)))


def test_the_last_call(folder: DeviceFolder) -> None:
    assert read_given(folder) is None
    record_given(folder, FIRST)
    assert read_given(folder) == FIRST
    second = GivenDatabase(AT + timedelta(seconds=1), "0x0000000000000001", "0x0000000000000001")
    record_given(folder, second)
    assert read_given(folder) == second


def test_the_same_call_is_written_once_an_hour(folder: DeviceFolder) -> None:
    for minutes, written in ((0, 0), (59, 0), (60, 60)):
        record_given(folder, GivenDatabase(AT + timedelta(minutes=minutes), FIRST.asked_with, FIRST.version))
        kept = read_given(folder)
        assert kept is not None
        assert kept.at == AT + timedelta(minutes=written)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"at": "yesterday", "askedWith": "0", "version": "0x1"}'])
def test_a_damaged_record_is_no_record(folder: DeviceFolder, content: str) -> None:
    (folder.path / GIVEN).write_text(content)
    assert read_given(folder) is None
    record_given(folder, FIRST)
    assert read_given(folder) == FIRST
