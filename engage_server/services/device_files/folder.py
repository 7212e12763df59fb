"""The JSON files of devices: ``<data>/<site>/<serial>/``, one folder for each.

Whoever changes a folder holds its lock (flock on the folder itself), so that workers, the operators' commands and
whoever else works here at the same time lose nothing of each other's.

Nothing is written that could not be read again, and of what devices send nothing that is over a limit
(:mod:`engage_server.services.disk_space.room`).
"""

import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, FileNotUsable, NotPossible
from engage_server.file_locks import OPERATOR_SECONDS, locked
from engage_server.files import RESTORE, SECRET_MODE, make_folder, read_file, replace_file
from engage_server.protocol.configuration import read_configuration
from engage_server.protocol.database_answer import assert_harmless, version_of
from engage_server.protocol.device_audits import MAX_EVENTS
from engage_server.protocol.json_body import FILE_DEPTH, Json, assert_depth, read_json, write_json
from engage_server.protocol.serial_number import decode_serial
from engage_server.services.device_files.uploads import Entry, Taken, entries_of, stamp, taken, upload_digest
from engage_server.services.disk_space.reserve import allocated
from engage_server.services.disk_space.room import DiskRoom
from engage_server.services.disk_space.use import device_bytes

MAX_FILE_BYTES = 16 * 1024 * 1024
DATABASE = "database.json"
CONFIGURATION = "configuration.json"
PARAMETERS = "parameters.json"
EARLIER = "earlier"  # the folder of databases that devices may still hold

_FULL_BYTES = 256 * 1024  # of collected uploads in one file: each upload writes it anew
_IMPORTED_BYTES = 4 * 1024 * 1024  # in one file of uploads from elsewhere
_BEFORE = "before"  # beside the uploads of a file: the digests of the last ones in the file before
_BEFORE_KEPT = 64
_EARLIER_KEPT = 10
_MOST_FILES = 256  # of one collection: they are looked through at each upload


class Collection(StrEnum):
    """What is collected, each in a file of its name."""

    AUDITS = "audits"
    ALERTS = "alerts"
    CREDENTIALS = "credentials"  # what MT20W readers read


class DeviceFolder:
    """One device's folder. Made by :class:`DeviceFolders`; its methods are called with the lock held.

    Args:
        path: Where.
        room: What the device may take of the disk; None for operators, who are not limited.

    Attributes:
        path: Where.
    """

    def __init__(self, path: Path, room: DiskRoom | None = None) -> None:
        self.path = path
        self._room = room

    def database(self) -> dict[str, Any] | None:
        """The database answer with the configuration in it; None if none was imported.

        Raises:
            BodyInvalid: Somebody has written there what would hurt a device.
            FileNotUsable: It cannot be read.
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

    def earlier(self, version: int) -> dict[str, Any] | None:
        """A database that was imported before; None if it is not here any more. The others are not read."""
        for path in (self.path / EARLIER).glob("0x*.json"):
            if version_of(path.stem) == version:
                return assert_harmless(read_json(read_file(path, limit=MAX_FILE_BYTES), FILE_DEPTH), str(path))
        return None

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
        """Keep what the device tells of itself; it has no password in it any more.

        Raises:
            NotPossible: It could not be written, or there is no room for it.
        """
        self._write_within_limits(PARAMETERS, {"receivedAt": stamp(at), "parameters": parameters})

    def parameters(self) -> Json:
        """What :meth:`put_parameters` wrote last; None for nothing."""
        return self.raw(PARAMETERS)

    def collect(
        self, collection: Collection, upload: Json, at: datetime, max_events: int = MAX_EVENTS
    ) -> tuple[Taken, bool]:
        """Keep an upload for good.

        Args:
            collection: To which it belongs.
            upload: What came.
            at: When.
            max_events: An upload with more is kept, and its events are not looked at.

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
        before = self._before(collection, full)
        digest = upload_digest(upload)
        if digest in before:
            before[digest] += 1
            after = Taken(entries, ())
        else:
            after = taken(entries, upload, at, max_events)
        content = {str(collection): after.entries} | ({_BEFORE: before} if before else {})
        self._write_within_limits(f"{collection}.json", content)
        self._begin_anew_when_full(collection)
        return after, is_first

    def _before(self, collection: Collection, full: Sequence[Path]) -> dict[str, int]:
        """The last uploads of the file that was closed last, and how often each has come since.

        A long upload fills a file by itself. It comes again when our answer is lost, and must not be kept again.
        """
        present = self.raw(f"{collection}.json")
        if isinstance(present, dict):
            known = present.get(_BEFORE)
            return {str(digest): int(times) for digest, times in known.items()} if isinstance(known, dict) else {}
        last = self._entries(full[-1].name, collection) if full else []
        return {entry["digest"]: entry.get("times", 1) for entry in last[-_BEFORE_KEPT:]}

    def files_of(self, collection: Collection) -> list[str]:
        """The files of a collection, oldest first."""
        names = [*(path.name for path in self._full_files(collection)), f"{collection}.json"]
        return [name for name in names if (self.path / name).exists()]

    def collected(self, collection: Collection) -> list[Entry]:
        """All uploads, oldest first."""
        return [entry for name in self.files_of(collection) for entry in self._entries(name, collection)]

    def add_collected(self, collection: Collection, entries: Sequence[Entry]) -> int:
        """Put in uploads from elsewhere, those that are not there yet; how many there were.

        The present ones stay untouched: what comes from elsewhere gets files of its own, each short enough to be read
        again.
        """
        known = {entry["digest"] for entry in self.collected(collection)}
        new = [entry for entry in entries if entry["digest"] not in known]
        for some in _in_parts(new):
            self._write(self._next_full_file(collection), {str(collection): some})
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
            return read_json(read_file(path, limit=MAX_FILE_BYTES), FILE_DEPTH)
        except BodyInvalid as error:
            raise BodyInvalid(f"{path}: {error.sentence}", "Mend the file, or import it again.") from None

    def _write(self, name: str, value: Json) -> None:
        replace_file(self.path / name, self._written(name, value), SECRET_MODE)

    def _written(self, name: str, value: Json) -> bytes:
        """Compact: people read what ``engage device export`` writes. Indented, a mebibyte would take eighteen."""
        assert_depth(value, FILE_DEPTH)
        content = write_json(value) + b"\n"
        if len(content) > MAX_FILE_BYTES:
            raise NotPossible(
                f"{self.path / name} would have {len(content)} bytes, and could not be read again",
                f"Give it less than {MAX_FILE_BYTES} bytes.",
                code="device.too_long",
            )
        return content

    def _write_within_limits(self, name: str, value: Json) -> None:
        """What a device sent. The limits are looked at before anything is written, against what is written."""
        content = self._written(name, value)
        if self._room is None:
            replace_file(self.path / name, content, SECRET_MODE)
            return
        site, more = self.path.parent.name, allocated(len(content)) - self._allocated(name)
        self._room.reserve.assert_room(allocated(len(content)))  # it lies beside the one that it replaces for a moment
        self._assert_within_device_limit(self._room.limits.device, more)
        if more > 0:
            self._room.take(site, files=more)
        try:
            replace_file(self.path / name, content, SECRET_MODE)
        except NotPossible:
            self._room.give_back(site, files=more)
            raise
        if more < 0:
            self._room.give_back(site, files=-more)

    def _assert_within_device_limit(self, limit: int, more: int) -> None:
        if more > 0 and device_bytes(self.path) + more > limit:
            raise NotPossible(
                f"{self.path} has the {limit // (1024 * 1024)} MiB that a device may fill (setting device_disk_mib)",
                "Look who sends so much; export the files, and move them away; or raise the setting.",
                code="device.full",
            )

    def _allocated(self, name: str) -> int:
        path = self.path / name
        return allocated(path.stat().st_size) if path.exists() else 0


class DeviceFolders:
    """All devices' folders.

    Args:
        root: The folder of data.
        room: What devices may take of the disk; None for operators, who are not limited.
        seconds: How long a folder's lock is waited for.
    """

    def __init__(self, root: Path, room: DiskRoom | None = None, seconds: float = OPERATOR_SECONDS) -> None:
        self._root = root
        self._room = room
        self._seconds = seconds

    def path(self, site: str, serial: str) -> Path:
        """Where a device's folder is, or would be.

        Args:
            site: The site's name.
            serial: 32 upper-case hexadecimal digits.
        """
        return self._root / site / serial

    def exists(self, site: str, serial: str) -> bool:
        """Whether there is one. Quick.

        Raises:
            FileNotUsable: It cannot be known: the folder of data is gone, or this process may not look into it.
        """
        if _is_folder(self.path(site, serial)):
            return True
        if self._room is not None and not _is_folder(self._root):  # a device would hear that nothing is here for it
            raise FileNotUsable(f"{self._root} is gone: what devices have there cannot be given", RESTORE)
        return False

    def serials(self, site: str) -> list[str]:
        """The devices that have one."""
        folder = self._root / site
        if not _is_folder(folder):
            return []
        return sorted(entry.name for entry in os.scandir(folder) if _is_serial(entry.name) and entry.is_dir())

    @contextmanager
    def open(self, site: str, serial: str) -> Iterator[DeviceFolder]:
        """A device's folder, made if it is not there, for this thread alone.

        Raises:
            FileNotUsable: It cannot be made, or this process may not look into it.
            NotPossible: Somebody else works in it for too long, or the disk has no room for one more.
        """
        path = self.path(site, serial)
        if not _is_folder(path):
            if self._room is not None:
                self._room.take(site, files=allocated(1))
            make_folder(path, within=None if self._room is None else self._root)
        with locked(path, self._seconds):
            yield DeviceFolder(path, self._room)

    def remove(self, site: str, serial: str) -> bool:
        """Remove a device's folder with all that is in it; whether there was one.

        It is set aside under a name that nobody reads first, so that it is never there in part.

        Raises:
            NotPossible: Somebody works in it for too long.
            OSError: It cannot be removed.
        """
        path = self.path(site, serial)
        if not _is_folder(path):
            return False
        aside = path.with_name(f".removed-{serial}-{secrets.token_hex(4)}")
        with locked(path, self._seconds):
            path.rename(aside)
        shutil.rmtree(aside)
        return True


def _is_folder(path: Path) -> bool:
    """As :meth:`Path.is_dir`, but what may not be looked at is no answer."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise FileNotUsable(
            f"{path}: cannot look into it: {error.strerror or error}", "See whose it is: engage doctor"
        ) from None


def _in_parts(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Entries that go into one file together."""
    part: list[Entry] = []
    length = 0
    for entry in entries:
        count = len(write_json(entry)) + 1
        if part and length + count > _IMPORTED_BYTES:
            yield part
            part, length = [], 0
        part.append(entry)
        length += count
    if part:
        yield part


def _is_serial(name: str) -> bool:
    return decode_serial(name) == name
