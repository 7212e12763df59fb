"""Imports devices' JSON files into their folders, and exports them.

Nothing that is already here is lost. Uploads are added to the collected ones. A database that is replaced is kept as
an earlier one.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, FileNotUsable
from engage_server.files import SECRET_MODE, make_folder, replace_file
from engage_server.protocol.device_audits import read_event
from engage_server.protocol.event_codes import sentence_of
from engage_server.protocol.json_body import Json, write_json, write_pretty_json
from engage_server.records import Page
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.device_files.device_uploads import device_page
from engage_server.services.device_files.finding import COLLECTIONS, FoundFile
from engage_server.services.device_files.folder import (
    CONFIGURATION,
    DATABASE,
    MAX_FILE_BYTES,
    PARAMETERS,
    Collection,
    DeviceFolder,
    DeviceFolders,
)
from engage_server.services.device_files.for_devices import assert_newer
from engage_server.services.device_files.given_database import GivenDatabase, read_given
from engage_server.services.device_files.upload_feed import SiteUpload
from engage_server.services.device_files.uploads import Entry, fresh_events, imported_entries

_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One event of a device's audits or alerts, for people to read.

    Attributes:
        received_at: When it arrived, as text.
        device_time: When it happened by the device's own clock, as the device wrote it; "" for nothing.
        code: Four hexadecimal digits; "" if it cannot be parsed.
        sentence: The meaning of the event.
        upload: What it came in: ``audit`` or ``alert``.
    """

    received_at: str
    device_time: str
    code: str
    sentence: str
    upload: str = "audit"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a device on this host.

    Attributes:
        name: Such as ``database.json``.
        bytes: How long it is.
        changed_at: When it was written last, by this host's clock; aware, UTC.
    """

    name: str
    bytes: int
    changed_at: datetime


class DeviceExchange:
    """Imports and exports devices' files.

    Args:
        folders: The devices' folders.
    """

    def __init__(self, folders: DeviceFolders) -> None:
        self._folders = folders

    def assert_newer(self, site: str, files: Sequence[FoundFile]) -> None:
        """Check that databases are newer than those that devices may already have.

        Raises:
            Refused: See :meth:`bring_in`.
        """
        for file in files:
            if file.kind == DATABASE and self._folders.exists(site, file.serial):
                with self._folders.open(site, file.serial) as folder:
                    assert_newer(folder, file.read(), f"{file.path}: ", file.serial)

    def bring_in(self, site: str, files: Sequence[FoundFile], now: datetime, tell: Tell = tell_nobody) -> None:
        """Put files into their devices' folders, one device at a time.

        Args:
            site: The site's name.
            files: The files to import.
            now: The time, timezone-aware.
            tell: Called with each device's serial number when its files are stored.

        Raises:
            Refused: A database differs from the present one, but its ``nxtDbVerTS`` is not newer. Devices with the
                present one would never ask for it. Nothing is changed for that device.
            BodyInvalid: A file has changed since it was found.
            FileNotUsable: A file cannot be read, or a folder is not writable.
        """
        by_serial: dict[str, list[FoundFile]] = {}
        for file in files:
            by_serial.setdefault(file.serial, []).append(file)
        for serial, some in by_serial.items():
            contents = [(file, file.read()) for file in some]
            with self._folders.open(site, serial) as folder:
                self.assert_here(site)
                for file, value in contents:
                    if file.kind == DATABASE:
                        assert_newer(folder, value, f"{file.path}: ", file.serial)
                for file, value in contents:
                    _put(folder, file.kind, value, now)
            tell(serial)

    def assert_here(self, site: str) -> None:
        """Called with the lock of a device's folder: see :meth:`.DeviceFileChange.assert_here`."""

    def take_out(
        self,
        site: str,
        serials: Iterable[str],
        target: Path,
        faults: list[str] | None = None,
        tell: Tell = tell_nobody,
    ) -> None:
        """Write devices' files into ``target/<serial>/``, in a form that can be imported again.

        Args:
            site: The site's name.
            serials: The devices to export.
            target: The folder to write to.
            faults: Gets a sentence for each file that cannot be read. Such a file is copied unchanged under a name that
                no import accepts, and the export continues.
            tell: Called with each device's serial number when its files are written.

        Raises:
            FileNotUsable: The target cannot be written.
        """
        for serial in serials:
            with self._folders.open(site, serial) as folder:
                make_folder(target / serial)
                for name in _names(folder):
                    fault = _copy(folder, name, target / serial)
                    if fault and faults is not None:
                        faults.append(fault)
            tell(serial)

    def serials(self, site: str) -> list[str]:
        """The devices of a site that have files here."""
        return self._folders.serials(site)

    def collected(self, site: str, serial: str, collection: Collection) -> list[dict[str, Any]]:
        """The uploads of a device; empty if it has no folder.

        Raises:
            BodyInvalid: A file is damaged.
        """
        if not self._folders.exists(site, serial):
            return []
        with self._folders.open(site, serial) as folder:
            return folder.collected(collection)

    def uploads(
        self, site: str, serial: str, cursor: str | None, limit: int, only: Collection | None = None
    ) -> Page[SiteUpload]:
        """A page of the uploads of a device; empty if it has no folder. See :func:`.device_uploads.device_page`."""
        if not self._folders.exists(site, serial):
            return Page(())
        with self._folders.open(site, serial) as folder:
            return device_page(folder, cursor, limit, only)

    def events(self, site: str, serial: str) -> list[DeviceEvent]:
        """The events of a device's audits and alerts, oldest first, each only once in its kind of upload.

        Raises:
            BodyInvalid: A file is damaged.
        """
        found = []
        for collection in (Collection.AUDITS, Collection.ALERTS):
            for entry in self.collected(site, serial, collection):
                found += _events(entry, str(collection).removesuffix("s"))
        return sorted(found, key=lambda event: event.received_at)

    def given(self, site: str, serial: str) -> GivenDatabase | None:
        """Which database a device asked with, and which it was given last; None if it never asked this host."""
        if not self._folders.exists(site, serial):
            return None
        with self._folders.open(site, serial) as folder:
            return read_given(folder)

    def files(self, site: str, serial: str) -> dict[str, int]:
        """The files of a device with their lengths in bytes; empty if it has no folder."""
        path = self._folders.path(site, serial)
        return {each.name: each.stat().st_size for each in sorted(path.glob("*.json"))} if path.is_dir() else {}

    def stored(self, site: str, serial: str) -> tuple[StoredFile, ...]:
        """The files of a device by name, also when they were written; empty if it has no folder."""
        found = []
        for each in sorted(self._folders.path(site, serial).glob("*.json")):
            with suppress(FileNotFoundError):  # it was replaced or removed meanwhile
                known = each.stat()
                found.append(StoredFile(each.name, known.st_size, datetime.fromtimestamp(known.st_mtime, UTC)))
        return tuple(found)


def _events(entry: Entry, upload: str) -> list[DeviceEvent]:
    received_at = str(entry["receivedAt"])
    unread = [_too_long(entry, received_at)] if "unread" in entry else []
    return [replace(each, upload=upload) for each in [*unread, *(_event(e, received_at) for e in fresh_events(entry))]]


def _too_long(entry: Entry, received_at: str) -> DeviceEvent:
    sentence = (
        f"an upload of {entry['unread']} events, more than max_audit_events: it is kept whole, but was not read. "
        "'engage device export' writes it"
    )
    return DeviceEvent(received_at, "", "", sentence)


def _event(event: Json, received_at: str) -> DeviceEvent:
    read = read_event(event)
    if read is None:
        return DeviceEvent(received_at, "", "", "an event that cannot be parsed; it is kept as it came")
    return DeviceEvent(received_at, read.at, read.code, sentence_of(read.code, read.data))


def _put(folder: DeviceFolder, kind: str, value: Json, now: datetime) -> None:
    if kind == DATABASE and isinstance(value, dict):
        folder.put_database(value)
    elif kind == PARAMETERS and isinstance(value, dict):
        folder.put_parameters(value, now)
    elif kind in COLLECTIONS:
        collection = COLLECTIONS[kind]
        folder.add_collected(collection, imported_entries(str(collection), value, now))
    else:
        folder.put(kind, value)


def _names(folder: DeviceFolder) -> Iterator[str]:
    yield from (name for name in (DATABASE, CONFIGURATION, PARAMETERS) if (folder.path / name).exists())
    for collection in Collection:
        yield from folder.files_of(collection)


def _copy(folder: DeviceFolder, name: str, target: Path) -> str:
    """Copy a file, indented if it can still be imported then; returns what is wrong with the file, or ""."""
    try:
        value = folder.raw(name)
        content = write_pretty_json(value)
    except (BodyInvalid, FileNotUsable) as error:
        replace_file(target / f"{name}.unreadable", _pieces(folder.path / name), SECRET_MODE)
        return error.sentence
    replace_file(target / name, content if len(content) <= MAX_FILE_BYTES else write_json(value), SECRET_MODE)
    return ""


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
