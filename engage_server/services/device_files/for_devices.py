"""The files that operators give to devices, one at a time: read with a version, replaced if that is still the same.

:mod:`.exchange` imports many at once, for people at a shell.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engage_server.errors import BodyInvalid, Conflict, NotFound, Refused
from engage_server.files import read_file
from engage_server.protocol.configuration import read_configuration
from engage_server.protocol.database_answer import assert_harmless, version_of
from engage_server.protocol.json_body import FILE_DEPTH, Json, read_json
from engage_server.services.device_files.folder import MAX_FILE_BYTES, DeviceFolder, DeviceFolders

_VERSION_DIGITS = 32


class FileForDevice(StrEnum):
    """The kinds of files that operators give to devices. The value is the name of the file."""

    DATABASE = "database.json"
    CONFIGURATION = "configuration.json"

    @property
    def word(self) -> str:
        """What people call it."""
        return self.value.removesuffix(".json")


@dataclass(frozen=True, slots=True)
class VersionedFile:
    """A file as it is now.

    Attributes:
        content: Its JSON.
        version: A digest of its bytes.
        length: How many bytes it has.
    """

    content: dict[str, Any]
    version: str
    length: int


class FilesForDevices:
    """The files for devices on this host.

    Args:
        folders: The devices' folders.
    """

    def __init__(self, folders: DeviceFolders) -> None:
        self._folders = folders

    def version(self, site: str, serial: str, file: FileForDevice) -> str:
        """The version of a file. "" if there is none. A damaged file has one, too."""
        return version_of_bytes(self._bytes(site, serial, file))

    def read(self, site: str, serial: str, file: FileForDevice) -> VersionedFile:
        """A file as it was put.

        Raises:
            NotFound: This host has none for the device (``database.not_found``, ``configuration.not_found``).
            Conflict: It is damaged (``device_files.damaged``).
            FileNotUsable: It cannot be read.
        """
        return versioned(serial, file, self._bytes(site, serial, file))

    def put(
        self,
        site: str,
        serial: str,
        file: FileForDevice,
        value: dict[str, Any],
        seen: str | None,
        record: Callable[[], None],
    ) -> VersionedFile:
        """Replace a file, if it is still the one that the caller has seen.

        It is compared and replaced under the lock of the device's folder. ``record`` is called when the new content is
        on the disk under another name. If it raises, the file stays as it was.

        Args:
            site: The site's name.
            serial: 32 upper-case hexadecimal digits.
            file: Which file.
            value: Its content, from :func:`judged`.
            seen: The version that the caller has seen. "" for no file, None for any.
            record: Records that the file is replaced. The device may have to call again if that takes seconds.

        Raises:
            Conflict: It is another version (``precondition.failed``).
            Refused: The database differs from the present one, but is not newer (``database.not_newer``).
            NotPossible: It cannot be written, or the folder is in use for too long.
        """
        with self._folders.open(site, serial) as folder:
            assert_seen(serial, file, seen, version_of_bytes(self._bytes(site, serial, file)))
            if file is FileForDevice.DATABASE:
                assert_newer(folder, value, "", serial)
                folder.put_database(value, record)
            else:
                folder.put(file, value, record)
            content = read_file(folder.path / file, limit=MAX_FILE_BYTES)
        return VersionedFile(value, version_of_bytes(content), len(content))

    def _bytes(self, site: str, serial: str, file: FileForDevice) -> bytes | None:
        path = self._folders.path(site, serial) / file
        return read_file(path, limit=MAX_FILE_BYTES) if path.exists() else None


def versioned(serial: str, file: FileForDevice, content: bytes | None) -> VersionedFile:
    """A file from its bytes.

    Args:
        serial: The device.
        file: Which file.
        content: None if there is none.

    Raises:
        NotFound: There is none (``database.not_found``, ``configuration.not_found``).
        Conflict: It is damaged (``device_files.damaged``).
    """
    if content is None:
        raise NotFound(
            f"this host has no {file.word} for device {serial}",
            "Put one. If there are several hosts, ask the one whose files you want.",
            code=f"{file.word}.not_found",
        )
    try:
        value = read_json(content, FILE_DEPTH)
    except BodyInvalid:
        value = None
    if not isinstance(value, dict):
        raise Conflict(
            f"the {file.word} of device {serial} is damaged on this host",
            "Put it again, with this field: If-Match: *",
            code="device_files.damaged",
        )
    return VersionedFile(value, version_of_bytes(content), len(content))


def assert_seen(serial: str, file: FileForDevice, seen: str | None, version: str) -> None:
    """Check that a file is still the one that a caller has seen. ``seen`` is None for any, and "" for no file.

    Raises:
        Conflict: It is another version (``precondition.failed``).
    """
    if seen is not None and seen != version:
        raise Conflict(
            f"the {file.word} of device {serial} has changed since you read it, so nothing was done",
            "Read it again. If the change is still right, send it with the new ETag.",
            code="precondition.failed",
        )


def judged(file: FileForDevice, content: bytes) -> dict[str, Any]:
    """Read a file for a device, and check it as an import does.

    Raises:
        BodyInvalid: It is not JSON, or a device could read it in several ways.
        Refused: It would harm a device (``database.harmful``), or is no configuration (``configuration.invalid``).
    """
    value = read_json(content, FILE_DEPTH, strict=True)
    try:
        if file is FileForDevice.DATABASE:
            return assert_harmless(value, "this database")
        return read_configuration(value, "the body")
    except BodyInvalid as error:
        code = "database.harmful" if file is FileForDevice.DATABASE else "configuration.invalid"
        raise Refused(error.sentence, "Correct it, and put it again.", code=code) from None


def assert_newer(folder: DeviceFolder, value: Json, source: str, serial: str) -> None:
    """Check that a database is newer than the one that its device may already have.

    Args:
        folder: The device's folder, with its lock held.
        value: The database.
        source: What the error begins with.
        serial: The device.

    Raises:
        Refused: It differs from the present one, but its ``nxtDbVerTS`` is not newer.
    """
    assert_newer_than(folder.present_database(), value, source, serial)


def assert_newer_than(present: Json, value: Json, source: str, serial: str) -> None:
    """The same, with the content of the present database. Anything else than an object counts as none.

    Raises:
        Refused: See :func:`assert_newer`.
    """
    if not isinstance(present, dict) or not isinstance(value, dict) or present == value:
        return
    versions = [version_of(str(each.get("nxtDbVerTS", ""))) for each in (present, value)]
    if versions[0] is not None and versions[1] is not None and versions[1] <= versions[0]:
        raise Refused(
            f"{source}nxtDbVerTS {value['nxtDbVerTS']} is not newer than {present['nxtDbVerTS']}, which device "
            f"{serial} may already have: it would never get this database",
            "Give it a greater nxtDbVerTS.",
            code="database.not_newer",
        )


def version_of_bytes(content: bytes | None) -> str:
    """The version of a file with these bytes. "" for none."""
    return "" if content is None else hashlib.sha256(content).hexdigest()[:_VERSION_DIGITS]
