"""The local spool: files of lines, each written by one process and read by the one writer of this host.

A file is locked (flock) by the process that writes it for as long as it does; the system lets go of the lock however
that process ends. So a file that can be locked is finished, and is removed when all of it is in the store.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engage_server.errors import NotPossible
from engage_server.files import open_file
from engage_server.services.disk_space.reserve import DiskReserve

SEGMENT_BYTES = 1024 * 1024  # then the next file is begun, so that what was stored can be given back to the disk
SUFFIX = ".sightings"
_UNLOOKED_BYTES = 16 * 1024  # a hundred lines: then the disk is asked again whether it has room


class SpoolWriter:
    """Appends lines to files of this process's own. Never raises, and never waits for anything but the disk.

    Args:
        folder: The spool's folder.
        limit_bytes: What all files of the folder together may hold. Above it sightings are counted as lost.
        reserve: What has to stay free on the disk; None: nothing. Below it they are lost, too. The disk is not asked
            for each line: up to 16 KiB of each process may end up below it.

    Attributes:
        lost: How many lines were not kept, since the start.
        trouble: Why the latest line was not kept; "" while all is well.
    """

    def __init__(self, folder: Path, limit_bytes: int, reserve: DiskReserve | None = None) -> None:
        self._folder = folder
        self._reserve = reserve
        self._limit_bytes = limit_bytes
        self._descriptor = -1
        self._written = 0  # into the present file
        self._room = 0  # until the folder is looked at again
        self._unlooked = 0  # until the disk is asked again
        self.lost = 0
        self.trouble = ""

    def append(self, lines: Sequence[bytes]) -> bool:
        """Keep these lines, each with its newline. False when they are lost."""
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
        """Finish the present file; a later line begins another."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._written = -1, 0

    def _begin(self) -> None:
        path = self._folder / f"{uuid.uuid4().hex}{SUFFIX}"
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
        if written < len(content):  # the disk is full: a torn line would swallow the next one
            os.ftruncate(self._descriptor, self._written)
            raise OSError(0, "no space left on the device")
        self._written += written
        self._room -= written
        self._unlooked -= written

    def _assert_room(self, count: int) -> None:
        if self._room < count:
            # each of several processes may use up what it saw: a share each time keeps that small
            self._room = min(SEGMENT_BYTES, self._limit_bytes - spooled_bytes(self._folder))
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
        path: Where it lies.
    """

    path: Path

    @property
    def name(self) -> str:
        """What the store knows it by: unique among all hosts."""
        return self.path.stem

    def lines(self, offset: int, limit_bytes: int) -> tuple[list[bytes], int]:
        """Whole lines from an offset on, and the offset after them.

        Args:
            offset: Where the last reading ended.
            limit_bytes: How much to read at most; more than a line has.
        """
        with self.path.open("rb") as file:
            file.seek(offset)
            content = file.read(limit_bytes)
        whole = content[: content.rfind(b"\n") + 1]
        return whole.splitlines(), offset + len(whole)

    def is_finished(self) -> bool:
        """Whether no process writes it any more."""
        try:
            with self.path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def remove(self) -> None:
        """All of it is in the store."""
        self.path.unlink(missing_ok=True)


def segments(folder: Path) -> Iterator[Segment]:
    """The files of a spool, in no order."""
    for path in folder.glob(f"*{SUFFIX}"):
        yield Segment(path)


def spooled_bytes(folder: Path) -> int:
    """How much lies in a spool, stored or not."""
    total = 0
    for segment in segments(folder):
        with suppress(FileNotFoundError):  # removed in between
            total += segment.path.stat().st_size
    return total


def claim(folder: Path) -> int:
    """Become the one process of this host that reads the spool, until the returned descriptor is closed.

    Raises:
        NotPossible: Another process is that already, or the folder cannot be written.
    """
    path = folder / "reader.lock"
    try:
        descriptor = open_file(path, os.O_RDWR)
    except OSError as error:
        raise NotPossible(f"{path}: {error.strerror}", "Make the folder writable.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise NotPossible("another process of this host stores the sightings", "Nothing: one is enough.") from None
    return descriptor
