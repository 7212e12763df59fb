"""Decides who writes to SQLite next: operators and workers go before the storing of sightings.

SQLite allows one writer at a time, and a waiting writer retries every tenth of a second. So a process that begins its
next transaction right after the last can keep all others out by chance. Therefore every writer holds a shared lock
(flock) on a file beside the database, and the storing begins no batch while anyone holds it. PostgreSQL needs none of
this: there, no two of them write the same row.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from engage_server.files import open_file

_SUFFIX = "-writers"
_LOOK_SECONDS = 0.005
_REGISTER_SECONDS = 0.1  # the storing holds its lock only for a moment
_GIVES_WAY_SECONDS = 5.0  # then a batch is written in between: sightings must not wait for ever either


@contextmanager
def ahead_of_storing(engine: Engine, *, gives_way: bool) -> Iterator[None]:
    """Hold the right to write.

    Args:
        engine: The engine.
        gives_way: True for the storing. It waits until no one else wants to write, and then delays nobody who comes
            later.
    """
    path = engine.url.database
    descriptor = _opened(Path(path + _SUFFIX)) if engine.dialect.name == "sqlite" and path else None
    if descriptor is None:
        yield
        return
    try:
        if gives_way:
            _lock(descriptor, fcntl.LOCK_EX, _GIVES_WAY_SECONDS)
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a writer that comes now waits only for this one transaction
        else:
            _lock(descriptor, fcntl.LOCK_SH, _REGISTER_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, seconds: float) -> None:
    """Take the lock if that is possible in time. Without it, chance decides who writes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_SECONDS)
        except OSError:  # a file system without such locks
            return
        else:
            return


def _opened(path: Path) -> int | None:
    """Return the file's descriptor. None if it cannot be opened: then chance decides who writes."""
    try:
        return open_file(path, os.O_RDWR, like=Path(str(path).removesuffix(_SUFFIX)))  # SQLite does the same
    except OSError:
        return None
