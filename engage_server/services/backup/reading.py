"""Reads an archive: everything once when it is opened, and again for its rows and files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from engage_server.services.backup.manifest import Manifest


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
    """An archive that was read once, and agrees with its list of digests. Use it as a context manager.

    It is not known yet whether the manifest is the one that was written: see :meth:`assert_made_with`.

    Args:
        file: The archive. It is closed with this object.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._manifest_bytes, self._code = b"", b""
        self.manifest: Manifest = self._look_through()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def assert_made_with(self, code: Callable[[bytes], bytes]) -> None:
        """Check that whoever wrote the manifest had the key, and that nobody changed it since.

        Args:
            code: Computes the code of bytes under that key.

        Raises:
            Refused: The manifest was edited.
        """

    def tables(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield each table with its rows, in an order in which they can be filled.

        The rows of a table must be read before the next table: all come from one pass.

        Raises:
            Refused: The file was changed since it was opened.
        """
        yield from ()

    def rows(self, table: str) -> Iterator[bytes]:
        """Yield the rows of one table. Each is JSON, and ends with a line feed. Everything before them is read, too.

        Raises:
            Refused: The file was changed since it was opened.
        """
        yield from ()

    def files(self) -> Iterator[ArchivedFile]:
        """Yield the files of the installation, sorted by section and name.

        Raises:
            Refused: The file was changed since it was opened.
        """
        yield from ()

    def _look_through(self) -> Manifest:
        raise NotImplementedError


def open_archive(path: Path) -> Archive:
    """Open an archive, and read it from beginning to end.

    Args:
        path: The file.

    Raises:
        FileNotUsable: It cannot be read.
        Refused: It is damaged, or is no archive of ours. The sentence names the member.
    """
    raise NotImplementedError
