"""The local spool: files of lines, each written by one process, and all read by one process of this host.

The process that writes a file keeps it locked (flock). The system releases the lock however that process ends. So a
file that can be locked is finished. When all of it is in the store, it is removed, or kept for a while under another
name: a database that fails over to a standby may forget what it has confirmed.
"""

import fcntl
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engage_server.errors import NotPossible
from engage_server.files import open_file
from engage_server.services.disk_space.reserve import DiskReserve

SEGMENT_BYTES = 1024 * 1024  # then the next file is started, so that files that were stored can be removed
SUFFIX = ".sightings"
STORED_SUFFIX = ".stored"
READER_LOCK = "reader.lock"
_UNLOOKED_BYTES = 16 * 1024  # a hundred lines: then the room on the disk is checked again


class SpoolWriter:
    """Appends lines to this process's own files. Never raises, and never waits for anything except the disk.

    Args:
        folder: The spool's folder.
        limit_bytes: The most bytes of all files in the folder together. Above it sightings are lost and counted.
        reserve: The room that must stay free on the disk; None for none. Below it sightings are lost and counted as
            well. It is not checked for each line, so each process may use up to 16 KiB of it.
        suffix: The end of the files' names.

    Attributes:
        lost: How many lines were lost since the start.
        trouble: Why the latest line was lost; "" if it was kept.
    """

    def __init__(
        self, folder: Path, limit_bytes: int, reserve: DiskReserve | None = None, suffix: str = SUFFIX
    ) -> None:
        self._folder = folder
        self._suffix = suffix
        self._reserve = reserve
        self._limit_bytes = limit_bytes
        self._descriptor = -1
        self._written = 0  # bytes in the present file
        self._room = 0  # bytes until the folder is measured again
        self._unlooked = 0  # bytes until the disk is checked again
        self.lost = 0
        self.trouble = ""

    def append(self, lines: Sequence[bytes]) -> bool:
        """Keep these lines, each with its newline. Returns False if they are lost."""
        content = b"".join(lines)
        try:
            self._assert_room(len(content))
            if self._descriptor < 0:
                self._begin()
            self._write(content)
        except OSError as error:
            self.lost += len(lines)
            self.trouble = error.strerror or str(error)
            return False
        self.trouble = ""
        if self._written >= SEGMENT_BYTES:
            self.close()
        return True

    def close(self) -> None:
        """Finish the present file. A later line starts another one."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._written = -1, 0

    def _begin(self) -> None:
        path = self._folder / f"{uuid.uuid4().hex}{self._suffix}"
        # locked under a name that nobody reads: the reader must never find a file that is not locked yet
        hidden = path.with_suffix(".begun")
        descriptor = open_file(hidden, os.O_EXCL | os.O_WRONLY | os.O_APPEND)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(path)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor, self._written = descriptor, 0

    def _write(self, content: bytes) -> None:
        written = os.write(self._descriptor, content)
        if written < len(content):  # the disk is full: an incomplete line would merge with the next one
            os.ftruncate(self._descriptor, self._written)
            raise OSError(0, "no space left on the device")
        self._written += written
        self._room -= written
        self._unlooked -= written

    def _assert_room(self, count: int) -> None:
        if self._room < count:
            # each process may use up the room that it saw, so it takes only a small share each time
            self._room = min(SEGMENT_BYTES, self._limit_bytes - spooled_bytes(self._folder, self._suffix))
        if self._room < count:
            raise OSError(0, "the spool is full (setting spool_max_mib)")
        if self._reserve is not None and self._unlooked < count:
            shortage = self._reserve.shortage(max(count, _UNLOOKED_BYTES))
            if shortage:
                raise OSError(0, f"{shortage} (setting disk_reserve_mib)")
            self._unlooked = _UNLOOKED_BYTES


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of the spool.

    Attributes:
        path: The path of the file.
    """

    path: Path

    @property
    def name(self) -> str:
        """Its name in the store, unique among all hosts."""
        return self.path.stem

    @property
    def size(self) -> int:
        """Its octets. 0 if it is gone."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def lines(self, offset: int, limit_bytes: int) -> tuple[list[bytes], int]:
        """Whole lines from an offset on, and the offset after them.

        Args:
            offset: Where the last reading ended.
            limit_bytes: How much to read at most. It must be more than a line has.
        """
        with self.path.open("rb") as file:
            file.seek(offset)
            content = file.read(limit_bytes)
        whole = content[: content.rfind(b"\n") + 1]
        # not splitlines(), which also ends a line at other characters: readers count the bytes of lines
        return whole.split(b"\n")[:-1], offset + len(whole)

    def is_finished(self) -> bool:
        """Whether no process writes to it any more."""
        try:
            with self.path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def remove(self) -> None:
        """Remove the file, when all of it is in the store."""
        self.path.unlink(missing_ok=True)

    def keep(self, end: int, at: datetime) -> None:
        """Keep the file under another name, when all of it is in the store.

        Args:
            end: The offset that the store has. What is behind it is no whole line, and goes.
            at: The time, timezone-aware. It becomes the file's time.
        """
        os.truncate(self.path, end)
        os.utime(self.path, (at.timestamp(), at.timestamp()))
        self.path.rename(self.path.with_suffix(STORED_SUFFIX))

    def renamed(self, name: str) -> "Segment":
        """The file under another name. A process that writes to it goes on."""
        return Segment(self.path.rename(self.path.with_name(f"{name}{self.path.suffix}")))

    def taken_back(self) -> "Segment":
        """The kept file, under the name that it had: the store no longer has all of it."""
        return Segment(self.path.rename(self.path.with_suffix(SUFFIX)))


def segments(folder: Path, suffix: str = SUFFIX) -> Iterator[Segment]:
    """The files of a spool, in no order."""
    for path in folder.glob(f"*{suffix}"):
        yield Segment(path)


def kept_segments(folder: Path, since: datetime, limit_bytes: int) -> list[Segment]:
    """The files that were kept after all of them was stored, the newest first. Others are removed.

    Args:
        folder: The spool's folder.
        since: Those that were stored earlier are removed.
        limit_bytes: The most bytes of all of them together.
    """
    dated = sorted(((each.path.stat(), each) for each in segments(folder, STORED_SUFFIX)), key=_stored_at, reverse=True)
    found, total = [], 0
    for status, segment in dated:
        total += status.st_size
        if status.st_mtime < since.timestamp() or total > limit_bytes:
            segment.remove()
        else:
            found.append(segment)
    return found


def _stored_at(dated: tuple[os.stat_result, Segment]) -> float:
    return dated[0].st_mtime


def spooled_bytes(folder: Path, suffix: str = SUFFIX) -> int:
    """The bytes of all files of a spool, stored or not."""
    total = 0
    for segment in segments(folder, suffix):
        with suppress(FileNotFoundError):  # removed in between
            total += segment.path.stat().st_size
    return total


def waiting_bytes(folder: Path, offsets_of: Callable[[Sequence[str]], Mapping[str, int]]) -> int:
    """How much of a spool is not in the store yet.

    Args:
        folder: The spool's folder.
        offsets_of: Returns how far the store has files, by their names. Called if there are any.
    """
    found = list(segments(folder))
    offsets = offsets_of([segment.name for segment in found]) if found else {}
    return sum(max(0, segment.size - offsets.get(segment.name, 0)) for segment in found)


def claim(folder: Path) -> int:
    """Become the one process of this host that reads the spool, until the returned descriptor is closed.

    Raises:
        NotPossible: Another process already is, or the folder is not writable.
    """
    path = folder / READER_LOCK
    try:
        descriptor = open_file(path, os.O_RDWR)
    except OSError as error:
        raise NotPossible(f"{path}: {error.strerror}", "Make the folder writable.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise NotPossible(
            "another process of this host stores the sightings", "Nothing to do: one is enough."
        ) from None
    return descriptor
