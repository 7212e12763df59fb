"""The journal of a site's uploads: in which order they came, so that a system can ask for what is new.

``<data>/<site>/.uploads/<number of its first record>.<journal>.uploads`` has one record of a fixed length for each
upload. A record says where the upload is, and not what is in it.

1. A record is written before its upload, while the lock of the device's folder is held. So anyone who has read a
   record and then takes that lock finds the upload, if it was stored at all.
2. If the process is killed in between, the record points to nothing, and the device sends its upload again. That gets
   another record. Each has its own identifier.
3. The newest million records or so are kept. Anyone who asks for older ones gets a refusal.
"""

import errno
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engage_server.errors import FileNotUsable
from engage_server.file_locks import DEVICE_SECONDS, locked
from engage_server.files import make_folder, open_file
from engage_server.files.writing import sync_folder

JOURNAL = ".uploads"  # next to the devices' folders
RECORDS_IN_FILE = 1 << 16
_FILES_KEPT = 16
_NAME = re.compile(r"(?P<first>[0-9]{12})\.(?P<journal>[0-9a-f]{8})\.uploads")
_RECORD = re.compile(
    rb"(?P<serial>[0-9A-F]{32}) (?P<collection>[a-z]{1,11}) {0,10} (?P<file>[0-9]{6}) (?P<id>[0-9a-f]{16})\n"
)
_RECORD_BYTES = 69


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """Where an upload is.

    Attributes:
        serial: Its device.
        collection: The name of its collection.
        file: The number of the last full file of that collection when it came. It is in a later one.
        id: What its entry has as ``id``.
    """

    serial: str
    collection: str
    file: int
    id: str


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """A place in a journal.

    Attributes:
        journal: Which journal: eight hexadecimal digits. "" for the beginning of any.
        number: How many records are before it.
    """

    journal: str
    number: int


BEGINNING = JournalPlace("", 0)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    first: int
    journal: str

    @property
    def end(self) -> int:
        return self.first + self.path.stat().st_size // _RECORD_BYTES


def new_id() -> str:
    """A new identifier for an upload."""
    return secrets.token_hex(8)


class UploadJournal:
    """The journal of one site, on this host.

    Args:
        site: The site's folder.
        seconds: How long to wait for the journal's lock.
    """

    def __init__(self, site: Path, seconds: float = DEVICE_SECONDS) -> None:
        self._folder = site / JOURNAL
        self._seconds = seconds

    def add(self, record: UploadRecord) -> None:
        """Add a record, and return when it is on the disk.

        Raises:
            NotPossible: Another process holds the journal's lock for too long.
            OSError: It cannot be written.
        """
        if not self._folder.is_dir():
            make_folder(self._folder, within=self._folder.parent)
        with locked(self._folder, self._seconds):
            descriptor = open_file(self._file_to_write(), os.O_RDWR)
            try:
                _append(descriptor, _written(record))
            except BaseException:
                os.close(descriptor)
                raise
        try:
            os.fsync(descriptor)  # without the lock: the workers of a host wait for the disk together
        finally:
            os.close(descriptor)

    def after(self, place: JournalPlace, most: int) -> tuple[list[UploadRecord], JournalPlace] | None:
        """Read the records after a place.

        Args:
            place: The place.
            most: The largest number of them.

        Returns:
            The records, and the place of the first of them. None: records after that place are gone.
        """
        files = self._files()
        if not files:
            return ([], BEGINNING) if place == BEGINNING else None
        if place == BEGINNING:
            place = JournalPlace(files[0].journal, files[0].first)
        try:
            is_there = files[0].first <= place.number <= files[-1].end and place.journal == files[-1].journal
            return (list(_read(files, place.number, most)), place) if is_there else None
        except FileNotFoundError:  # it was the oldest, and has been removed meanwhile
            return None

    def _files(self) -> list[_File]:
        if not self._folder.is_dir():
            return []
        names = [_NAME.fullmatch(each.name) for each in sorted(self._folder.iterdir())]
        found = [_File(self._folder / each[0], int(each["first"]), each["journal"]) for each in names if each]
        return [each for each in found if each.journal == found[-1].journal]

    def _file_to_write(self) -> Path:
        """The file for the next record. A full one is followed by a new one, and the oldest goes."""
        files = self._files()
        if files and files[-1].end - files[-1].first < RECORDS_IN_FILE:
            return files[-1].path
        journal, first = (files[-1].journal, files[-1].end) if files else (secrets.token_hex(4), 0)
        path = self._folder / f"{first:012}.{journal}.uploads"
        os.close(open_file(path, os.O_RDWR))
        sync_folder(self._folder)
        for each in files[: 1 - _FILES_KEPT]:
            each.path.unlink(missing_ok=True)
        return path


def _written(record: UploadRecord) -> bytes:
    return f"{record.serial} {record.collection:<11} {record.file:06} {record.id}\n".encode("ascii")


def _append(descriptor: int, content: bytes) -> None:
    """Write a record after the last whole one. What a power cut left of another one is overwritten."""
    size = os.fstat(descriptor).st_size
    at = size - size % _RECORD_BYTES
    if os.pwrite(descriptor, content, at) != len(content):
        os.ftruncate(descriptor, at)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _read(files: list[_File], number: int, most: int) -> Iterator[UploadRecord]:
    end = number + most
    for each, after in zip(files, [*files[1:], None], strict=True):
        if number >= end:
            return
        if after is not None and after.first <= number:
            continue
        with each.path.open("rb") as file:
            file.seek((number - each.first) * _RECORD_BYTES)
            content = file.read((end - number) * _RECORD_BYTES)
        for at in range(0, len(content) - _RECORD_BYTES + 1, _RECORD_BYTES):
            yield _parsed(content[at : at + _RECORD_BYTES], each.path)
            number += 1


def _parsed(content: bytes, path: Path) -> UploadRecord:
    found = _RECORD.fullmatch(content)
    if found is None:
        raise FileNotUsable(
            f"{path} is damaged", "Move it away: a new journal begins, and systems that ask for uploads begin again."
        )
    texts = {name: value.decode("ascii") for name, value in found.groupdict().items()}
    return UploadRecord(texts["serial"], texts["collection"], int(texts["file"]), texts["id"])
