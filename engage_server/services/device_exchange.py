"""Devices' JSON files in and out: our own folders, the vendor's ``Engage_Data``, or single files.

Which device a file is about stands in its folder's name, its own name, or its content; what it is, in its name or its
content. Nothing that is here already is lost: uploads are added to what was collected, and a database that is replaced
is kept as an earlier one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, FileNotUsable, Refused
from engage_server.protocol.audit_upload import events_in, read_event
from engage_server.protocol.caller_serial import serial_from_body
from engage_server.protocol.database_answer import assert_harmless, version_of
from engage_server.protocol.device_reports import read_configuration, read_parameters
from engage_server.protocol.event_codes import sentence_of
from engage_server.protocol.json_body import Json, read_json, write_pretty_json
from engage_server.services.collected import imported_entries
from engage_server.services.device_folder import (
    CONFIGURATION,
    DATABASE,
    MAX_FILE_BYTES,
    PARAMETERS,
    Collection,
    DeviceFolder,
    DeviceFolders,
)
from engage_server.services.durable_files import SECRET_MODE, make_folder, read_file, replace_file

_KINDS = {
    DATABASE: re.compile(r"database|(^|[^a-z])db([^a-z]|$)"),
    CONFIGURATION: re.compile(r"config"),
    PARAMETERS: re.compile(r"param"),
    f"{Collection.AUDITS}.json": re.compile(r"audit"),
    f"{Collection.ALERTS}.json": re.compile(r"alert"),
    f"{Collection.CREDENTIALS}.json": re.compile(r"credential"),
}
_COLLECTIONS = {f"{each}.json": each for each in Collection}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file of one device.

    Attributes:
        path: Where it lies.
        serial: The device's.
        kind: The name that such a file has here, such as ``database.json``.
        value: Its content, judged.
    """

    path: Path
    serial: str
    kind: str
    value: Json = field(repr=False)


@dataclass(slots=True)
class FoundFiles:
    """What a folder holds.

    Attributes:
        files: Those that can be imported.
        faults: A sentence for each that can not.
    """

    files: list[FoundFile] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def serials(self) -> list[str]:
        """The devices, each once."""
        return list(dict.fromkeys(each.serial for each in self.files))


def find_device_files(path: Path) -> FoundFiles:
    """Look for devices' files in a folder, or at one.

    Raises:
        FileNotUsable: There is no such folder or file.
    """
    if not path.exists():
        raise FileNotUsable(f"{path}: no such file or folder", "Name a folder with devices' JSON files.")
    found = FoundFiles()
    paths = sorted(each for each in path.rglob("*") if each.suffix.lower() == ".json") if path.is_dir() else [path]
    for each in paths:
        if each.is_file() and "earlier" not in each.relative_to(path.parent).parts and not each.name.startswith("."):
            _find(each, path, found)
    return found


def _find(path: Path, top: Path, found: FoundFiles) -> None:
    try:
        value = read_json(read_file(path, limit=MAX_FILE_BYTES))
        serial = _serial(path, top, value)
        if serial is None:
            found.faults.append(f"{path}: it is not said which device this is about: name it, or its folder, SERIAL")
            return
        if isinstance(value, dict) and len(_whole(value)) > 1:  # one file with everything about a device
            for kind, part in _whole(value).items():
                found.files.append(FoundFile(path, serial, kind, _judged(kind, part, path)))
            return
        only = _kind(path, top, value)
        if only is None:
            found.faults.append(f"{path}: it is not said what this is: database, configuration, audits, ...")
            return
        found.files.append(FoundFile(path, serial, only, _judged(only, value, path)))
    except (BodyInvalid, FileNotUsable) as error:
        sentence = error.sentence if str(path) in error.sentence else f"{path}: {error.sentence}"
        found.faults.append(sentence)


def _serial(path: Path, top: Path, value: Json) -> str | None:
    """By the file's name, then the folders' above it, then what it says itself.

    In names only 32 hexadecimal digits count: of 22 letters any name would be a serial number in Base64.
    """
    for name in (path.stem, *reversed(path.relative_to(top.parent).parts[:-1])):
        found = re.search("(?<![0-9A-Fa-f])[0-9A-Fa-f]{32}(?![0-9A-Fa-f])", name)
        if found is not None:
            return found[0].upper()
    return serial_from_body(value)


def _kind(path: Path, top: Path, value: Json) -> str | None:
    collected = re.fullmatch(r"([a-z]+)\.[0-9]{6}", path.stem)
    if collected is not None and f"{collected[1]}.json" in _COLLECTIONS:
        return f"{collected[1]}.json"
    if isinstance(value, dict):
        if "nxtDbVerTS" in value or "db" in value:
            return DATABASE
        for collection in Collection:
            if isinstance(value.get(str(collection)), list):
                return f"{collection}.json"
    names = [path.stem, *(part for part in reversed(path.relative_to(top).parts[:-1]))] if path != top else [path.stem]
    for name in names:
        for each, pattern in _KINDS.items():
            if pattern.search(name.lower()):
                return each
    return None


def _whole(value: dict[str, Any]) -> dict[str, Json]:
    """The parts of a file that holds several: how the vendor's sample lays its files out is not published."""
    parts: dict[str, Json] = {}
    if "nxtDbVerTS" in value and "db" in value:
        names = ("db", "config", "dbDwnLdTm", "nxtDbVerTS")
        parts[DATABASE] = {name: child for name, child in value.items() if name in names}
    elif isinstance(value.get("database"), dict):
        parts[DATABASE] = value["database"]
    for collection in Collection:
        if isinstance(value.get(str(collection)), list):
            parts[f"{collection}.json"] = value[str(collection)]
    for name, kind in (("configuration", CONFIGURATION), ("parameters", PARAMETERS), ("params", PARAMETERS)):
        if isinstance(value.get(name), dict) and "receivedAt" not in value:
            parts[kind] = value[name]
    return parts


def _judged(kind: str, value: Json, path: Path) -> Json:
    if kind == DATABASE:
        return assert_harmless(value, str(path))
    if kind == CONFIGURATION:
        return read_configuration(value, str(path))
    if kind == PARAMETERS:
        is_ours = isinstance(value, dict) and set(value) == {"receivedAt", "parameters"}
        return read_parameters(value["parameters"] if is_ours and isinstance(value, dict) else value)
    return value


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One event of a device's audits, for people.

    Attributes:
        received_at: When it came, as text.
        device_time: When it happened, by the device's own clock, as the device wrote it; "" for nothing.
        code: Four hexadecimal digits; "" where none could be read.
        sentence: What it says.
    """

    received_at: str
    device_time: str
    code: str
    sentence: str


class DeviceExchange:
    """Puts files in, and takes them out.

    Args:
        folders: The devices' folders.
    """

    def __init__(self, folders: DeviceFolders) -> None:
        self._folders = folders

    def assert_newer(self, site: str, files: Sequence[FoundFile]) -> None:
        """Hold databases against those that devices may have already.

        Raises:
            Refused: See :meth:`bring_in`.
        """
        for file in files:
            if file.kind == DATABASE and self._folders.exists(site, file.serial):
                with self._folders.open(site, file.serial) as folder:
                    _assert_newer(folder, file)

    def bring_in(self, site: str, files: Sequence[FoundFile], now: datetime) -> Iterator[str]:
        """Put files into their devices' folders, one device at a time; each is told when it is there.

        Raises:
            Refused: A database has other content than the one that is there, and no newer ``nxtDbVerTS``: devices that
                hold it would never ask for this one. Of that device nothing is changed then.
            FileNotUsable: A folder can not be written.
        """
        by_serial: dict[str, list[FoundFile]] = {}
        for file in files:
            by_serial.setdefault(file.serial, []).append(file)
        for serial, some in by_serial.items():
            with self._folders.open(site, serial) as folder:
                for file in some:
                    if file.kind == DATABASE:
                        _assert_newer(folder, file)
                for file in some:
                    _put(folder, file, now)
            yield serial

    def take_out(self, site: str, serials: Iterable[str], target: Path) -> Iterator[str]:
        """Write devices' files into ``target/<serial>/``, in the form in which they can be brought in again.

        Raises:
            FileNotUsable: The target can not be written.
        """
        for serial in serials:
            with self._folders.open(site, serial) as folder:
                make_folder(target / serial)
                for name, value in _contents(folder):
                    replace_file(target / serial / name, write_pretty_json(value), SECRET_MODE)
            yield serial

    def serials(self, site: str) -> list[str]:
        """The devices of a site that have files here."""
        return self._folders.serials(site)

    def collected(self, site: str, serial: str, collection: Collection) -> list[dict[str, Any]]:
        """What a device sent; nothing where it has no folder.

        Raises:
            BodyInvalid: Somebody has spoiled a file.
        """
        if not self._folders.exists(site, serial):
            return []
        with self._folders.open(site, serial) as folder:
            return folder.collected(collection)

    def events(self, site: str, serial: str) -> list[DeviceEvent]:
        """The events of a device's audits, oldest first, each once.

        Raises:
            BodyInvalid: Somebody has spoiled a file.
        """
        found = []
        for entry in self.collected(site, serial, Collection.AUDITS):
            repeated = entry.get("repeated", ())
            for place, event in enumerate(events_in(entry["upload"])):
                if place not in repeated:
                    found.append(_event(event, str(entry["receivedAt"])))
        return found

    def files(self, site: str, serial: str) -> dict[str, int]:
        """The files of a device with their lengths in bytes; none where it has no folder."""
        path = self._folders.path(site, serial)
        return {each.name: each.stat().st_size for each in sorted(path.glob("*.json"))} if path.is_dir() else {}


def _event(event: Json, received_at: str) -> DeviceEvent:
    read = read_event(event)
    if read is None:
        return DeviceEvent(received_at, "", "", "something that could not be read; it is kept as it came")
    return DeviceEvent(received_at, read.at, read.code, sentence_of(read.code, read.data))


def _assert_newer(folder: DeviceFolder, file: FoundFile) -> None:
    present = folder.raw(DATABASE)
    if not isinstance(present, dict) or not isinstance(file.value, dict) or present == file.value:
        return
    versions = [version_of(str(each.get("nxtDbVerTS", ""))) for each in (present, file.value)]
    if versions[0] is not None and versions[1] is not None and versions[1] <= versions[0]:
        raise Refused(
            f"{file.path}: nxtDbVerTS {file.value['nxtDbVerTS']} is not newer than {present['nxtDbVerTS']}, which "
            f"device {file.serial} may hold already: it would never get this database",
            "Give it a greater nxtDbVerTS.",
            code="database.not_newer",
        )


def _put(folder: DeviceFolder, file: FoundFile, now: datetime) -> None:
    if file.kind == DATABASE and isinstance(file.value, dict):
        folder.put_database(file.value)
    elif file.kind == PARAMETERS and isinstance(file.value, dict):
        folder.put_parameters(file.value, now)
    elif file.kind in _COLLECTIONS:
        collection = _COLLECTIONS[file.kind]
        folder.add_collected(collection, imported_entries(str(collection), file.value, now))
    else:
        folder.put(file.kind, file.value)


def _contents(folder: DeviceFolder) -> Iterator[tuple[str, Json]]:
    for name in (DATABASE, CONFIGURATION, PARAMETERS):
        value = folder.raw(name)
        if value is not None:
            yield name, value
    for name, collection in _COLLECTIONS.items():
        entries = folder.collected(collection)
        if entries:
            yield name, {str(collection): entries}
