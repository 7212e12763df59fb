"""The journal of uploads: its records stay in order, and a torn or forgotten one is no other one."""

from pathlib import Path

import pytest

from engage_server.errors import FileNotUsable
from engage_server.services.device_files import upload_journal
from engage_server.services.device_files.upload_journal import (
    BEGINNING,
    JournalPlace,
    UploadJournal,
    UploadRecord,
    new_id,
)
from engage_server.services.disk_space.reserve import allocated
from engage_server.services.disk_space.use import measure
from tests.support.world import serial_of


def record(number: int) -> UploadRecord:
    return UploadRecord(serial_of(number), "credentials", number, new_id())


@pytest.fixture
def journal(tmp_path: Path) -> UploadJournal:
    return UploadJournal(tmp_path)


def files(folder: Path) -> list[Path]:
    return sorted((folder / upload_journal.JOURNAL).iterdir())


def test_what_was_added_is_read_in_order(
    journal: UploadJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_journal, "RECORDS_IN_FILE", 4)
    assert journal.after(BEGINNING, 10) == ([], BEGINNING)
    records = [record(number) for number in range(10)]
    for each in records:
        journal.add(each)
    assert len(files(tmp_path)) == 3
    found = journal.after(BEGINNING, 100)
    assert found is not None
    assert found[0] == records
    for first in range(11):
        for most in (1, 3, 5):
            part = journal.after(JournalPlace(found[1].journal, first), most)
            assert part is not None
            assert part[0] == records[first : first + most], (first, most)
    assert journal.after(JournalPlace(found[1].journal, 11), 1) is None
    assert journal.after(JournalPlace("00000000", 0), 1) is None


def test_the_oldest_go_and_that_is_told(journal: UploadJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_journal, "RECORDS_IN_FILE", 2)
    monkeypatch.setattr(upload_journal, "_FILES_KEPT", 3)
    records = [record(number) for number in range(9)]
    for each in records:
        journal.add(each)
    found = journal.after(BEGINNING, 100)
    assert found is not None
    assert found[0] == records[4:]
    assert journal.after(JournalPlace(found[1].journal, 4), 1) == ([records[4]], JournalPlace(found[1].journal, 4))
    assert journal.after(JournalPlace(found[1].journal, 3), 1) is None


@pytest.mark.parametrize("torn", [b"0", b"0" * 68])
def test_what_a_power_cut_left_is_overwritten(journal: UploadJournal, tmp_path: Path, torn: bytes) -> None:
    first, second = record(1), record(2)
    journal.add(first)
    with files(tmp_path)[0].open("ab") as file:
        file.write(torn)
    assert (journal.after(BEGINNING, 9) or ([], 0))[0] == [first]
    journal.add(second)
    assert (journal.after(BEGINNING, 9) or ([], 0))[0] == [first, second]


def test_a_damaged_one_is_told(journal: UploadJournal, tmp_path: Path) -> None:
    journal.add(record(1))
    files(tmp_path)[0].write_bytes(b"\0" * 69)
    with pytest.raises(FileNotUsable):
        journal.after(BEGINNING, 9)


def test_it_counts_as_room_that_devices_use(journal: UploadJournal, tmp_path: Path) -> None:
    before = measure(tmp_path, tmp_path / "none", 0.0).files
    journal.add(record(1))
    assert measure(tmp_path, tmp_path / "none", 0.0).files == before + allocated(1) + allocated(69)
