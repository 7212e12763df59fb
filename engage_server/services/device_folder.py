"""The JSON files of devices: ``<data>/<site>/<serial>/``, one folder for each.

Whoever changes a folder holds its lock (flock on the folder itself), so that workers, the operators' commands and
whoever else works here at the same time lose nothing of each other's.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, FileNotUsable, NotPossible
from engage_server.protocol.database_answer import assert_harmless, version_of
from engage_server.protocol.device_reports import read_configuration
from engage_server.protocol.json_body import Json, read_json, write_pretty_json
from engage_server.protocol.serial_number import decode_serial
from engage_server.services.collected import Entry, Taken, entries_of, stamp, taken
from engage_server.services.durable_files import SECRET_MODE, make_folder, read_file, replace_file

MAX_FILE_BYTES = 16 * 1024 * 1024
DATABASE = "database.json"
CONFIGURATION = "configuration.json"
PARAMETERS = "parameters.json"
EARLIER = "earlier"  # the folder of databases that devices may still hold

_FULL_BYTES = 256 * 1024  # of collected uploads in one file: each upload writes it anew
_EARLIER_KEPT = 10
_MOST_FILES = (
    256  # of one collection: some 64 MiB. Nobody's door has as much to tell; who makes it up must stop somewhere
)


class Collection(StrEnum):
    """What is collected, each in a file of its name."""

    AUDITS = "audits"
    ALERTS = "alerts"
    CREDENTIALS = "credentials"  # what MT20W readers read


class DeviceFolder:
    """One device's folder. Made by :class:`DeviceFolders`; its methods are called with the lock held.

    Attributes:
        path: Where.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def database(self) -> dict[str, Any] | None:
        """The database answer with the configuration in it; None if none was imported.

        Raises:
            BodyInvalid: Somebody has written there what would hurt a device.
            FileNotUsable: It can not be read.
        """
        value = self.raw(DATABASE)
        if value is None:
            return None
        answer = assert_harmless(value, str(self.path / DATABASE))
        configuration = self.configuration()
        return answer if configuration is None else {**answer, "config": configuration}

    def configuration(self) -> dict[str, Any] | None:
        """The configuration; None if none was imported."""
        value = self.raw(CONFIGURATION)
        return None if value is None else read_configuration(value, str(self.path / CONFIGURATION))

    def earlier(self) -> dict[int, dict[str, Any]]:
        """Databases that were imported before, by version."""
        found = {}
        for path in (self.path / EARLIER).glob("0x*.json"):
            version = version_of(path.stem)
            if version is not None:
                found[version] = assert_harmless(read_json(read_file(path, limit=MAX_FILE_BYTES)), str(path))
        return found

    def put_database(self, answer: dict[str, Any]) -> None:
        """Give the device this database from now on; the one before is kept as an earlier one."""
        assert_harmless(answer, DATABASE)
        before = self.raw(DATABASE)
        if before is not None and isinstance(before, dict) and before != answer:
            version = version_of(str(before.get("nxtDbVerTS", "")))
            if version is not None:
                make_folder(self.path / EARLIER)
                self._write(f"{EARLIER}/0x{version:016X}.json", before)
                self._forget_earliest()
        self._write(DATABASE, answer)

    def put(self, name: str, value: Json) -> None:
        """Write one of the other files that are replaced as a whole."""
        self._write(name, value)

    def put_parameters(self, parameters: dict[str, Any], at: datetime) -> None:
        """Keep what the device tells of itself; it has no password in it any more."""
        self._write(PARAMETERS, {"receivedAt": stamp(at), "parameters": parameters})

    def parameters(self) -> Json:
        """What :meth:`put_parameters` wrote last; None for nothing."""
        return self.raw(PARAMETERS)

    def collect(self, collection: Collection, upload: Json, at: datetime) -> tuple[Taken, bool]:
        """Keep an upload for good.

        Returns:
            What became of it, and whether it was the first of this collection.

        Raises:
            NotPossible: It could not be written, or there is too much of it: the device must be told so, and keeps it.
            BodyInvalid: The file is there and is none of ours; it is left as it is.
        """
        entries, full = self._entries(f"{collection}.json", collection), self._full_files(collection)
        if len(full) >= _MOST_FILES:
            raise NotPossible(
                f"{self.path} holds {len(full)} files of {collection}",
                "Look who sends so much; export them, and move them away.",
                code="device.full",
            )
        is_first = not entries and not full
        after = taken(entries or (), upload, at)
        self._write(f"{collection}.json", {str(collection): after.entries})
        self._begin_anew_when_full(collection)
        return after, is_first

    def collected(self, collection: Collection) -> list[Entry]:
        """All uploads, oldest first."""
        names = [*(path.name for path in self._full_files(collection)), f"{collection}.json"]
        return [entry for name in names for entry in self._entries(name, collection)]

    def add_collected(self, collection: Collection, entries: Sequence[Entry]) -> int:
        """Put in uploads from elsewhere, those that are not there yet; how many there were.

        The present ones stay untouched: what comes from elsewhere gets a file of its own.
        """
        known = {entry["digest"] for entry in self.collected(collection)}
        new = [entry for entry in entries if entry["digest"] not in known]
        if new:
            self._write(self._next_full_file(collection), {str(collection): new})
        return len(new)

    def _entries(self, name: str, collection: Collection) -> list[Entry]:
        value = self.raw(name)
        return [] if value is None else entries_of(str(collection), value, str(self.path / name))

    def _full_files(self, collection: Collection) -> list[Path]:
        return sorted(self.path.glob(f"{collection}.[0-9][0-9][0-9][0-9][0-9][0-9].json"))

    def _next_full_file(self, collection: Collection) -> str:
        full = self._full_files(collection)
        number = int(full[-1].name.split(".")[1]) + 1 if full else 1
        return f"{collection}.{number:06}.json"

    def _begin_anew_when_full(self, collection: Collection) -> None:
        path = self.path / f"{collection}.json"
        if path.stat().st_size > _FULL_BYTES:
            path.rename(self.path / self._next_full_file(collection))

    def _forget_earliest(self) -> None:
        for path in sorted((self.path / EARLIER).glob("0x*.json"))[:-_EARLIER_KEPT]:
            path.unlink(missing_ok=True)

    def raw(self, name: str) -> Json:
        """A file's content; None if there is no such file."""
        path = self.path / name
        if not path.exists():
            return None
        try:
            return read_json(read_file(path, limit=MAX_FILE_BYTES))
        except BodyInvalid as error:
            raise BodyInvalid(f"{path}: {error.sentence}", "Mend the file, or import it again.") from None

    def _write(self, name: str, value: Json) -> None:
        replace_file(self.path / name, write_pretty_json(value), SECRET_MODE)


class DeviceFolders:
    """All devices' folders.

    Args:
        root: The folder of data.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, site: str, serial: str) -> Path:
        """Where a device's folder is, or would be.

        Args:
            site: The site's name.
            serial: 32 upper-case hexadecimal digits.
        """
        return self._root / site / serial

    def exists(self, site: str, serial: str) -> bool:
        """Whether there is one. Quick."""
        return self.path(site, serial).is_dir()

    def serials(self, site: str) -> list[str]:
        """The devices that have one."""
        folder = self._root / site
        if not folder.is_dir():
            return []
        return sorted(entry.name for entry in os.scandir(folder) if _is_serial(entry.name) and entry.is_dir())

    @contextmanager
    def open(self, site: str, serial: str) -> Iterator[DeviceFolder]:
        """A device's folder, made if it is not there, for this thread alone.

        Raises:
            FileNotUsable: It can not be made.
        """
        path = self.path(site, serial)
        if not path.is_dir():
            make_folder(path)
        with locked(path):
            yield DeviceFolder(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock: against other processes, and other threads of this one.

    Raises:
        FileNotUsable: It can not be opened.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FileNotUsable(f"{folder}: {error.strerror}", "Make the folder readable.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # of this open file, so threads exclude each other, too
        yield
    finally:
        os.close(descriptor)


def _is_serial(name: str) -> bool:
    return decode_serial(name) == name
