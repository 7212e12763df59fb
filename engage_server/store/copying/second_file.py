"""A second file with what a SQLite database holds at one moment: it can be read for long, and writers go on."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection

from engage_server.errors import StoreNotUsable
from engage_server.files import open_file

_PICTURE = ".picture-"  # in the name of such files, after the database's own name
_PAGES = 2000  # at a time: 8 MB, then other threads have a turn


@contextmanager
def second_file(connection: Connection) -> Iterator[sqlite3.Connection]:
    """Copy the database that a transaction reads, and open the copy.

    The transaction can end once this has returned. The file has mode 0600 and is removed at the end. If the process is
    killed, the next picture removes it.

    Raises:
        StoreNotUsable: There is no space, or the folder cannot be written.
    """
    path = Path(str(connection.engine.url.database))
    source: Any = connection.connection.driver_connection
    try:
        _remove_abandoned(path)
        name = f"{path}{_PICTURE}{token_hex(4)}"
        descriptor = open_file(Path(name), os.O_RDWR | os.O_EXCL, like=path)
    except OSError as error:
        raise StoreNotUsable(f"{path.parent}: {error.strerror}", "Make the folder writable.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # so that nobody takes it for abandoned; SQLite's own locks are others
        with closing(_copied(source, name)) as copy:
            yield copy
    except sqlite3.Error as error:
        raise StoreNotUsable(f"the copy of {path}: {error}", "Check the space on its disk, and run it again.") from None
    finally:
        _remove(Path(name))
        os.close(descriptor)


def _copied(source: sqlite3.Connection, name: str) -> sqlite3.Connection:
    """Copy within the source's transaction: otherwise, each change of others would start the copy again."""
    copy = sqlite3.connect(name, isolation_level=None)
    source.backup(copy, pages=_PAGES)
    copy.execute("PRAGMA journal_mode = OFF")  # the copy says WAL, which would make two more files
    copy.execute("PRAGMA query_only = ON")
    return copy


def _remove_abandoned(path: Path) -> None:
    for left in path.parent.glob(f"{path.name}{_PICTURE}*"):
        with suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(left)
            finally:
                os.close(descriptor)


def _remove(path: Path) -> None:
    for each in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{each}").unlink(missing_ok=True)
