"""Reads an archive: everything once when it is opened, and again for its rows and files."""

import hmac
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import chain, groupby
from pathlib import Path

from engage_server.errors import FileNotUsable
from engage_server.services.backup.archive.look_through import look_through
from engage_server.services.backup.archive.manifest import Manifest
from engage_server.services.backup.archive.names import MANIFEST, Section, damaged, part_of
from engage_server.services.backup.archive.tar_blocks import unpacked


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file of the installation.

    Attributes:
        name: Its member, such as ``devices/main/<serial>/database.json``. It was checked, and leads nowhere else.
        content: What it holds.
    """

    name: str
    content: bytes = field(repr=False)


class Archive:
    """An archive that was read once, and agrees with its list of digests.

    It is not known yet whether the manifest is the one that was written: see :meth:`assert_made_with`.

    Args:
        path: The file.

    Raises:
        FileNotUsable: It cannot be read.
        Refused: It is damaged, or is no archive of ours. The sentence names the member.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = _state(path)
        self._found = look_through(self._members)

    @property
    def manifest(self) -> Manifest:
        """What is inside."""
        return self._found.manifest

    @property
    def table_bytes(self) -> int:
        """How long the rows of all tables are together."""
        return self._found.table_bytes

    def assert_made_with(self, code: Callable[[bytes], bytes]) -> None:
        """Check that anyone who wrote the manifest had the key, and that nobody changed it since.

        Args:
            code: Computes the code of bytes under that key.

        Raises:
            Refused: The manifest was edited.
        """
        if not hmac.compare_digest(code(self._found.manifest_bytes), self._found.code):
            raise damaged(MANIFEST, "it was edited: its code was not made with the key of this installation")

    def tables(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield each table with its rows, in an order in which they can be filled.

        The rows of a table must be read before the next table: all come from one pass. Each is JSON, and ends with a
        line feed.

        Raises:
            Refused: The file was changed since it was opened.
        """
        parts = ((part[0], content) for name, content in self._members() if (part := part_of(name)) and part[0])
        for table, contents in groupby(parts, key=lambda each: each[0]):
            yield table, chain.from_iterable(BytesIO(content) for _, content in contents)

    def rows(self, table: str) -> Iterator[bytes]:
        """Yield the rows of one table. Everything before them is read, too: :meth:`tables` is faster for all.

        Raises:
            Refused: The file was changed since it was opened.
        """
        for name, rows in self.tables():
            if name == table:
                yield from rows
                return

    def files(self) -> Iterator[ArchivedFile]:
        """Yield the files of the installation, sorted by section and name.

        Raises:
            Refused: The file was changed since it was opened.
        """
        for name, content in self._members():
            if name.split("/")[0] in list(Section):
                yield ArchivedFile(name, content)

    def _members(self) -> Iterator[tuple[str, bytes]]:
        try:
            with self.path.open("rb") as file:
                if _state_of(os.fstat(file.fileno())) != self._state:
                    raise damaged("", f"{self.path} was changed while it was read")
                yield from unpacked(file)
        except OSError as error:
            raise _not_readable(self.path, error) from None


def open_archive(path: Path) -> Archive:
    """Open an archive, and read it from beginning to end.

    Args:
        path: The file.

    Raises:
        FileNotUsable: It cannot be read.
        Refused: It is damaged, or is no archive of ours. The sentence names the member.
    """
    return Archive(path)


_State = tuple[int, int, int]


def _state(path: Path) -> _State:
    try:
        found = path.stat()
    except OSError as error:
        raise _not_readable(path, error) from None
    if not path.is_file():
        raise FileNotUsable(f"{path} is not a file, so it is no backup", "Name a backup: engage backup verify FILE")
    if not found.st_size:
        raise damaged("", f"{path} is empty")
    return _state_of(found)


def _state_of(found: os.stat_result) -> _State:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _not_readable(path: Path, error: OSError) -> FileNotUsable:
    return FileNotUsable(f"{path}: cannot read it: {error.strerror or error}", "Check its path and its owner.")
