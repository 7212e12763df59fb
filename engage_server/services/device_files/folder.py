"""The JSON files of devices: ``<data>/<site>/<serial>/``, one folder for each device.

A folder may be changed only with its lock held (flock on the folder itself). So workers and operators' commands lose
nothing of each other's.

Nothing is written that could not be read again. What devices send is not written above a limit
(:mod:`engage_server.services.disk_space.room`).
"""

import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, FileNotUsable, NotPossible
from engage_server.file_locks import OPERATOR_SECONDS, locked
from engage_server.files import RESTORE, SECRET_MODE, do_nothing, make_folder, read_file, replace_file
from engage_server.protocol.configuration import read_configuration
from engage_server.protocol.database_answer import assert_harmless, version_of
from engage_server.protocol.device_audits import MAX_EVENTS
from engage_server.protocol.json_body import FILE_DEPTH, Json, assert_depth, read_json, write_json
from engage_server.protocol.serial_number import decode_serial
from engage_server.services.device_files.upload_journal import UploadJournal, UploadRecord, new_id
from engage_server.services.device_files.uploads import Entry, Taken, entries_of, in_parts, stamp, taken, upload_digest
from engage_server.services.disk_space.reserve import allocated
from engage_server.services.disk_space.room import DiskRoom

MAX_FILE_BYTES = 16 * 1024 * 1024
DATABASE = "database.json"
CONFIGURATION = "configuration.json"
PARAMETERS = "parameters.json"
EARLIER = "earlier"  # the folder of databases that devices may still have

_WAYS_OUT = dict.fromkeys((DATABASE, CONFIGURATION), "Fix the file, or import it again: engage device import")
_NEW_FILE = "Fix the file, or move it out of the folder: a new one begins."

_FULL_BYTES = 256 * 1024  # of collected uploads in one file, which each upload rewrites
_IMPORTED_BYTES = 4 * 1024 * 1024  # in one file of uploads from elsewhere
_BEFORE = "before"  # next to the uploads of a file: the digests of the last uploads in the file before
_BEFORE_KEPT = 64
_EARLIER_KEPT = 10
_MOST_FILES = 256  # of one collection: they are searched at each upload


class Collection(StrEnum):
    """The kinds of uploads that are collected, each in a file with its name."""

    AUDITS = "audits"
    ALERTS = "alerts"
    CREDENTIALS = "credentials"  # what MT20W readers read


class DeviceFolder:
    """One device's folder. Get it from :class:`DeviceFolders`; its methods may be called only with the lock held.

    Args:
        path: The path of the folder.
        room: The limits for the device; None for operators, who are not limited.
        seconds: How long to wait for the lock of the site's journal.

    Attributes:
        path: The path of the folder.
    """

    def __init__(self, path: Path, room: DiskRoom | None = None, seconds: float = OPERATOR_SECONDS) -> None:
        self.path = path
        self._room = room
        self._journal = UploadJournal(path.parent, seconds)

    def database(self) -> dict[str, Any] | None:
        """The database answer with the configuration in it; None if none was imported.

        Raises:
            BodyInvalid: The file was changed, and would harm a device.
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
        """An earlier database by its version; None if it is no longer here. No other file is read."""
        for path in (self.path / EARLIER).glob("0x*.json"):
            if version_of(path.stem) == version:
                return assert_harmless(read_json(read_file(path, limit=MAX_FILE_BYTES), FILE_DEPTH), str(path))
        return None

    def put_database(self, answer: dict[str, Any], before_it: Callable[[], None] = do_nothing) -> None:
        """Give the device this database from now on. The present one is kept as an earlier one.

        Args:
            answer: The database.
            before_it: Called last of all: see :func:`engage_server.files.replace_file`.
        """
        assert_harmless(answer, DATABASE)
        before = self.present_database()
        if isinstance(before, dict) and before != answer:
            version = version_of(str(before.get("nxtDbVerTS", "")))
            if version is not None:
                make_folder(self.path / EARLIER)
                self._write(f"{EARLIER}/0x{version:016X}.json", before)
                self._forget_earliest()
        elif before is None and (self.path / DATABASE).exists():
            (self.path / DATABASE).replace(self.path / f"{DATABASE}.unreadable")
        self._write(DATABASE, answer, before_it)

    def present_database(self) -> Json:
        """The content of the database's file, even if it would harm a device; None if it is no JSON at all."""
        try:
            return self.raw(DATABASE)
        except BodyInvalid:
            return None

    def put(self, name: str, value: Json, before: Callable[[], None] = do_nothing) -> None:
        """Write any other file that is replaced as a whole. ``before`` is called last of all."""
        self._write(name, value, before)

    def put_parameters(self, parameters: dict[str, Any], at: datetime) -> None:
        """Store the device's parameters. The caller must have removed passwords.

        Raises:
            NotPossible: They cannot be written, or there is no room for them.
        """
        self.put_received(PARAMETERS, {"receivedAt": stamp(at), "parameters": parameters})

    def parameters(self) -> Json:
        """The parameters that :meth:`put_parameters` stored last; None for none."""
        return self.raw(PARAMETERS)

    def collect(
        self, collection: Collection, upload: Json, at: datetime, max_events: int = MAX_EVENTS, call: str = ""
    ) -> tuple[Taken, bool]:
        """Store an upload permanently.

        Args:
            collection: The collection that it belongs to.
            upload: The upload as it came.
            at: When it arrived.
            max_events: An upload with more events is stored, but its events are not compared with earlier ones.
            call: Which call it was, if a collection has uploads of several; "" if it has one.

        Returns:
            The entries after it, and whether it was the first of this collection.

        Raises:
            NotPossible: It cannot be written, or a limit is reached. The answer must let the device keep it.
            BodyInvalid: The present file was not written here. It is left unchanged.
        """
        entries, full = self.entries(f"{collection}.json", collection), self._full_files(collection)
        if len(full) >= _MOST_FILES:
            raise NotPossible(
                f"{self.path} has {len(full)} files of {collection}",
                "Find out what sends so much. Export them, and move them away.",
                code="device.full",
            )
        is_first = not entries and not full
        before = self._before(collection, full)
        digest = upload_digest(upload, call)
        if digest in before:
            before[digest] += 1
            after = Taken(entries, ())
        else:
            after = taken(entries, upload, at, max_events, call)
        content = {str(collection): after.entries} | ({_BEFORE: before} if before else {})
        if len(after.entries) == len(entries):
            self.put_received(f"{collection}.json", content)
        else:
            after.entries[-1]["id"] = identity = new_id()
            record = UploadRecord(self.path.name, str(collection), _number_of(full[-1]) if full else 0, identity)
            self.put_received(f"{collection}.json", content, lambda: self._journal.add(record))
        self._begin_anew_when_full(collection)
        return after, is_first

    def _before(self, collection: Collection, full: Sequence[Path]) -> dict[str, int]:
        """The last uploads of the file before, and how often each has come since.

        A long upload fills a file by itself. If our answer is lost, it comes again, and must not be stored again.
        """
        present = self.raw(f"{collection}.json")
        if isinstance(present, dict):
            known = present.get(_BEFORE)
            return {str(digest): int(times) for digest, times in known.items()} if isinstance(known, dict) else {}
        last = self.entries(full[-1].name, collection) if full else []
        return {entry["digest"]: entry.get("times", 1) for entry in last[-_BEFORE_KEPT:]}

    def files_of(self, collection: Collection) -> list[str]:
        """The files of a collection, oldest first."""
        names = [*(path.name for path in self._full_files(collection)), f"{collection}.json"]
        return [name for name in names if (self.path / name).exists()]

    def collected(self, collection: Collection) -> list[Entry]:
        """All uploads, oldest first."""
        return [entry for name in self.files_of(collection) for entry in self.entries(name, collection)]

    def add_collected(self, collection: Collection, entries: Sequence[Entry]) -> int:
        """Add uploads from elsewhere that are not here yet, and return how many.

        The present files stay unchanged. The new uploads get their own files, each short enough to be read again.
        """
        known = {entry["digest"] for entry in self.collected(collection)}
        new = [entry for entry in entries if entry["digest"] not in known]
        for some in in_parts(new, _IMPORTED_BYTES):
            self._write(self._next_full_file(collection), {str(collection): some})
        return len(new)

    def entries(self, name: str, collection: Collection) -> list[Entry]:
        """The uploads in one file of a collection."""
        value = self.raw(name)
        return [] if value is None else entries_of(str(collection), value, str(self.path / name))

    def _full_files(self, collection: Collection) -> list[Path]:
        return sorted(self.path.glob(f"{collection}.[0-9][0-9][0-9][0-9][0-9][0-9].json"))

    def _next_full_file(self, collection: Collection) -> str:
        full = self._full_files(collection)
        number = _number_of(full[-1]) + 1 if full else 1
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
            raise BodyInvalid(f"{path}: {error.sentence}", _WAYS_OUT.get(name, _NEW_FILE)) from None

    def _write(self, name: str, value: Json, before: Callable[[], None] = do_nothing) -> None:
        replace_file(self.path / name, self._written(name, value), SECRET_MODE, before)

    def _written(self, name: str, value: Json) -> bytes:
        """The content to write. It is compact: indented, 1 MiB would take 18. An export writes it indented."""
        assert_depth(value, FILE_DEPTH)
        content = write_json(value) + b"\n"
        if len(content) > MAX_FILE_BYTES:
            raise NotPossible(
                f"{self.path / name} would have {len(content)} bytes, too many to be read again",
                f"Keep it below {MAX_FILE_BYTES} bytes.",
                code="device.too_long",
            )
        return content

    def put_received(self, name: str, value: Json, before: Callable[[], None] = do_nothing) -> None:
        """Write what a device sent, after checking the limits with the exact bytes that will be written.

        Args:
            name: The name of the file.
            value: Its whole content.
            before: Called last of all: see :func:`engage_server.files.replace_file`.
        """
        content = self._written(name, value)
        if self._room is None:
            replace_file(self.path / name, content, SECRET_MODE, before)
            return
        site, more = self.path.parent.name, allocated(len(content)) - self._allocated(name)
        self._room.reserve.assert_room(
            allocated(len(content))
        )  # for a moment, both it and the file that it replaces exist
        self._room.assert_within_device_limit(self.path, more)
        if more > 0:
            self._room.take(site, files=more)
        try:
            replace_file(self.path / name, content, SECRET_MODE, before)
        except NotPossible:
            self._room.give_back(site, files=more)
            raise
        if more < 0:
            self._room.give_back(site, files=-more)

    def _allocated(self, name: str) -> int:
        path = self.path / name
        return allocated(path.stat().st_size) if path.exists() else 0


class DeviceFolders:
    """All devices' folders.

    Args:
        root: The data folder.
        room: The limits for devices; None for operators, who are not limited.
        seconds: How long to wait for a folder's lock.
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
        """Whether a device has a folder. Fast.

        Raises:
            FileNotUsable: It is not known: the data folder is gone, or this process may not read it.
        """
        if _is_folder(self.path(site, serial)):
            return True
        # otherwise a device would hear that it has nothing here
        if self._room is not None and not _is_folder(self._root):
            raise FileNotUsable(f"{self._root} is gone: devices cannot get their files", RESTORE)
        return False

    def serials(self, site: str) -> list[str]:
        """The devices of a site that have a folder."""
        folder = self._root / site
        if not _is_folder(folder):
            return []
        return sorted(entry.name for entry in os.scandir(folder) if _is_serial(entry.name) and entry.is_dir())

    @contextmanager
    def open(self, site: str, serial: str) -> Iterator[DeviceFolder]:
        """Open a device's folder for this thread alone. It is created if it does not exist.

        Raises:
            FileNotUsable: It cannot be created, or this process may not read it.
            NotPossible: Another process keeps its lock for too long, or the disk has no room for another folder.
        """
        path = self.path(site, serial)
        if not _is_folder(path):
            if self._room is not None:
                self._room.take(site, files=allocated(1))
            make_folder(path, within=None if self._room is None else self._root)
        with locked(path, self._seconds):
            yield DeviceFolder(path, self._room, self._seconds)

    def remove(self, site: str, serial: str) -> bool:
        """Remove a device's folder with everything in it, and return whether there was one.

        It is first renamed to a name that nothing reads, so that nobody sees it half removed.

        Raises:
            NotPossible: Another process keeps its lock for too long.
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
    """As :meth:`Path.is_dir`, but raises if this process may not look."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise FileNotUsable(
            f"{path}: it cannot be read: {error.strerror or error}", "Check its owner: engage doctor"
        ) from None


def _number_of(full: Path) -> int:
    """The number of a full file of a collection."""
    return int(full.name.split(".")[1])


def _is_serial(name: str) -> bool:
    return decode_serial(name) == name
