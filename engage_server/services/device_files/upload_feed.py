"""What the devices of a site uploaded, in the order in which it came, for systems that ask again and again.

A page costs what is new, however many devices there are: see :mod:`.upload_journal`. No upload is missed and none is
given twice, also while devices upload, after a file was full, and after files were imported.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engage_server.errors import BodyInvalid, Refused, UsageError
from engage_server.protocol.json_body import without_secrets
from engage_server.services.device_files.folder import Collection, DeviceFolder, DeviceFolders
from engage_server.services.device_files.upload_journal import BEGINNING, JournalPlace, UploadJournal, UploadRecord
from engage_server.services.device_files.uploads import Entry

_CURSOR = re.compile(r"(?P<journal>[0-9a-f]{8})-(?P<number>[0-9]{1,12})|begin", re.ASCII)
_MOST_RECORDS = 5000  # that one page looks at
_MOST_BYTES = 8 * 1024 * 1024  # of files that one page reads: they bound its length, too


@dataclass(frozen=True, slots=True)
class SiteUpload:
    """One upload of a site.

    Attributes:
        serial: Its device.
        collection: Its kind.
        entry: The upload. None if it cannot be read.
        fault: Why it cannot be read. "" if it can.
    """

    serial: str
    collection: Collection
    entry: Entry | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class UploadPage:
    """A page of uploads.

    Attributes:
        items: The uploads, oldest first.
        cursor: Where the next page begins, now or later.
        has_more: Whether there is more already.
    """

    items: tuple[SiteUpload, ...]
    cursor: str
    has_more: bool


def readable(serial: str, collection: Collection, entry: Entry) -> SiteUpload:
    """An upload that can be read. Passwords are taken out once more: an imported file may have some."""
    return SiteUpload(serial, collection, {**entry, "upload": without_secrets(entry["upload"])})


class UploadFeed:
    """Reads the uploads of sites on this host.

    Args:
        root: The data folder.
        folders: The devices' folders in it.
    """

    def __init__(self, root: Path, folders: DeviceFolders) -> None:
        self._root = root
        self._folders = folders

    def note_reader(self, site: str, token: str, cursor: str) -> None:
        """Record how far a reader has come. Files of one host are kept anyway, so nothing is recorded."""

    def page(self, site: str, cursor: str | None, limit: int, only: Collection | None = None) -> UploadPage:
        """A page of the uploads of a site.

        Uploads of devices whose files were removed meanwhile are left out. So a page may be empty.

        Args:
            site: The site's name.
            cursor: The page. None for the oldest uploads that the journal knows.
            limit: The most uploads of the page.
            only: Only this kind.

        Raises:
            UsageError: It is no cursor (``cursor.invalid``).
            Refused: The journal no longer knows what followed it (``uploads.forgotten``).
            NotPossible: A device's folder is in use for too long, or cannot be read.
        """
        found = UploadJournal(self._root / site).after(_place(cursor), _MOST_RECORDS)
        if found is None:
            raise Refused(
                "uploads after this cursor are no longer in the journal of this host",
                "Begin again without a cursor. Compare digests: some uploads will come a second time.",
                code="uploads.forgotten",
            )
        records, begin = found
        reader, items, count = _Reader(self._folders, site), list[SiteUpload](), 0
        for record in records:
            if len(items) >= limit or reader.bytes_read > _MOST_BYTES:
                break
            count += 1
            if only in (None, record.collection):
                items += reader.uploads(record)
        has_more = count < len(records) or len(records) == _MOST_RECORDS
        return UploadPage(tuple(items), _cursor(JournalPlace(begin.journal, begin.number + count)), has_more)


class _Reader:
    """Finds uploads, and reads each file only once in a page."""

    def __init__(self, folders: DeviceFolders, site: str) -> None:
        self._folders = folders
        self._site = site
        self._read: dict[tuple[int, int, int], Mapping[str, Entry]] = {}
        self.bytes_read = 0

    def uploads(self, record: UploadRecord) -> Iterator[SiteUpload]:
        """The upload of a record, if it is there."""
        if not self._folders.exists(self._site, record.serial):
            return
        collection, fault = Collection(record.collection), ""
        with self._folders.open(self._site, record.serial) as folder:
            for name in _names(folder, collection, record.file):
                try:
                    entry = self._entries(folder, collection, name).get(record.id)
                except BodyInvalid:
                    fault = fault or f"{name} of the device is damaged: restore it from a backup"
                else:
                    if entry is not None:
                        yield readable(record.serial, collection, entry)
                        return
        if fault:
            yield SiteUpload(record.serial, collection, None, fault)

    def _entries(self, folder: DeviceFolder, collection: Collection, name: str) -> Mapping[str, Entry]:
        """The entries of a file. Its name and content may change while a page is read, so neither identifies it."""
        state = (folder.path / name).stat()
        known = self._read.get(key := (state.st_ino, state.st_mtime_ns, state.st_size))
        if known is None:
            self.bytes_read += state.st_size
            entries = folder.entries(name, collection)
            self._read[key] = known = {str(each["id"]): each for each in entries if "id" in each}
        return known


def _names(folder: DeviceFolder, collection: Collection, full: int) -> Iterator[str]:
    """The files that may hold an upload: first those that began after so many full ones."""
    names = folder.files_of(collection)
    yield from (name for name in names if number_of(name) > full)
    yield from (
        name for name in names if number_of(name) <= full
    )  # its files were exported, removed and imported again


def number_of(name: str) -> int:
    """The number of a full file of a collection. The file that is not full yet comes after all of them."""
    parts = name.split(".")
    return int(parts[1]) if len(parts) > 2 else 10**6


def _cursor(place: JournalPlace) -> str:
    return f"{place.journal}-{place.number}" if place.journal else "begin"


def _place(cursor: str | None) -> JournalPlace:
    if cursor is None:
        return BEGINNING
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise UsageError(
            "the cursor cannot be used: no page of uploads gave it",
            "Use the cursor exactly as the page before gave it. Or begin again without one.",
            code="cursor.invalid",
        )
    return JournalPlace(found["journal"], int(found["number"])) if found["journal"] else BEGINNING
