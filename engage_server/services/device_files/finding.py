"""Finds devices' JSON files: in our own folders, in the vendor's ``Engage_Data``, or as single files.

The device of a file is in the file's name, its folder's name, or its content. The kind of a file is in its content or
its name. Files are read twice, once to check and once to import them, so that those of ten thousand devices need no
memory in between.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from engage_server.errors import BodyInvalid, FileNotUsable
from engage_server.files import read_file
from engage_server.protocol.caller_serial import serial_from_body
from engage_server.protocol.configuration import read_configuration, read_parameters
from engage_server.protocol.database_answer import assert_harmless
from engage_server.protocol.json_body import FILE_DEPTH, Json, read_device_json, read_json
from engage_server.services.device_files.folder import (
    CONFIGURATION,
    DATABASE,
    EARLIER,
    MAX_FILE_BYTES,
    PARAMETERS,
    Collection,
)

COLLECTIONS = {f"{each}.json": each for each in Collection}

_KINDS = {
    DATABASE: re.compile(r"database|(^|[^a-z])db([^a-z]|$)"),
    CONFIGURATION: re.compile(r"config"),
    PARAMETERS: re.compile(r"param"),
    **{name: re.compile(str(collection).removesuffix("s")) for name, collection in COLLECTIONS.items()},
}
FOR_DEVICES = {DATABASE, CONFIGURATION}  # files for devices: they must have only one possible meaning
_DATABASE_CHILDREN = ("db", "config", "dbDwnLdTm", "nxtDbVerTS")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file of one device, or a part of a file with everything about a device.

    Attributes:
        path: The path of the file.
        serial: The device's serial number.
        kind: The name that such a file has here, such as ``database.json``.
    """

    path: Path
    serial: str
    kind: str

    def read(self) -> Json:
        """Read and check its content.

        Raises:
            BodyInvalid: It has changed since it was found, or would harm a device.
            FileNotUsable: It cannot be read.
        """
        value = _read(self.path)
        parts = _parts(value)
        return _judged(self.kind, parts.get(self.kind, value) if len(parts) > 1 else value, self.path)


@dataclass(slots=True)
class FoundFiles:
    """The devices' files in a folder.

    Attributes:
        files: The files that can be imported.
        faults: A sentence for each file that cannot.
    """

    files: list[FoundFile] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def serials(self) -> list[str]:
        """The devices, each once."""
        return list(dict.fromkeys(each.serial for each in self.files))


def find_device_files(path: Path) -> FoundFiles:
    """Find devices' files in a folder, or check a single file.

    Raises:
        FileNotUsable: There is no such folder or file.
    """
    if not path.exists():
        raise FileNotUsable(f"{path}: no such file or folder", "Name a folder with devices' JSON files.")
    found = FoundFiles()
    top = path if path.is_dir() else path.parent
    paths = sorted(each for each in path.rglob("*") if each.suffix.lower() == ".json") if path.is_dir() else [path]
    for each in paths:
        if each.is_file() and EARLIER not in each.relative_to(top).parts and not each.name.startswith("."):
            _find(each, top, found)
    return found


def _find(path: Path, top: Path, found: FoundFiles) -> None:
    try:
        value = _read(path)
        serial = _serial(path, top, value)
        if serial is None:
            found.faults.append(f"{path}: the device of this file is unknown: name the file, or its folder, SERIAL")
            return
        parts = _parts(value)
        if len(parts) < 2:
            only = _kind(path, top, value)
            parts = {only: value} if only is not None else {}
        if not FOR_DEVICES.isdisjoint(parts):
            read_json(read_file(path, limit=MAX_FILE_BYTES), FILE_DEPTH, strict=True)
        if not parts:
            found.faults.append(f"{path}: the kind of this file is unknown: database, configuration, audits, ...")
        for kind, part in parts.items():
            _judged(kind, part, path)
            found.files.append(FoundFile(path, serial, kind))
    except (BodyInvalid, FileNotUsable) as error:
        sentence = error.sentence if str(path) in error.sentence else f"{path}: {error.sentence}"
        found.faults.append(sentence)


def _read(path: Path) -> Json:
    return read_device_json(read_file(path, limit=MAX_FILE_BYTES), FILE_DEPTH)


def _serial(path: Path, top: Path, value: Json) -> str | None:
    """The serial number from the file's name, then from the folders above it, then from its content.

    In names only 32 hexadecimal digits count: any name of 22 letters would be a serial number in Base64.
    """
    for name in (path.stem, *reversed(path.relative_to(top.parent).parts[:-1])):
        found = re.search("(?<![0-9A-Fa-f])[0-9A-Fa-f]{32}(?![0-9A-Fa-f])", name)
        if found is not None:
            return found[0].upper()
    return serial_from_body(value)


def _kind(path: Path, top: Path, value: Json) -> str | None:
    collected = re.fullmatch(r"([a-z]+)\.[0-9]{6}", path.stem)
    if collected is not None and f"{collected[1]}.json" in COLLECTIONS:
        return f"{collected[1]}.json"
    if isinstance(value, dict):
        if "nxtDbVerTS" in value or "db" in value:
            return DATABASE
        for collection in Collection:
            if isinstance(value.get(str(collection)), list):
                return f"{collection}.json"
    for name in (path.stem, *reversed(path.relative_to(top).parts[:-1])):
        for each, pattern in _KINDS.items():
            if pattern.search(name.lower()):
                return each
    return None


def _parts(value: Json) -> dict[str, Json]:
    """The parts of a file that has several. How the vendor's sample lays out its files is not published."""
    parts: dict[str, Json] = {}
    if not isinstance(value, dict) or "receivedAt" in value:
        return parts
    if "nxtDbVerTS" in value and "db" in value:
        parts[DATABASE] = {name: child for name, child in value.items() if name in _DATABASE_CHILDREN}
    elif isinstance(value.get("database"), dict):
        parts[DATABASE] = value["database"]
    for name, collection in COLLECTIONS.items():
        if isinstance(value.get(str(collection)), list):
            parts[name] = value[str(collection)]
    for child, kind in (("configuration", CONFIGURATION), ("parameters", PARAMETERS), ("params", PARAMETERS)):
        if isinstance(value.get(child), dict):
            parts[kind] = value[child]
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
