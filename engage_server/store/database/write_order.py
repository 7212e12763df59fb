"""Who writes to SQLite next: operators and workers go before the storing of what devices did.

SQLite has one writer at a time, and who waits for it asks again every tenth of a second: one process that begins its
next transaction at once after the last keeps all others out by chance alone. So whoever wants to write holds a shared
lock (flock) on a file beside the database, and the storing begins no batch while anybody does. PostgreSQL needs none
of it: there no two of them write the same row.
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
_REGISTER_SECONDS = 0.1  # the storing holds its lock for a moment only
_GIVES_WAY_SECONDS = 5.0  # then a batch goes in between: what devices did must not wait for ever either


@contextmanager
def ahead_of_storing(engine: Engine, *, gives_way: bool) -> Iterator[None]:
    """Write now.

    Args:
        engine: Where.
        gives_way: This is the storing: it waits until nobody else wants to write, and then does not hold up anybody
            who comes.
    """
    path = engine.url.database
    descriptor = _opened(Path(path + _SUFFIX)) if engine.dialect.name == "sqlite" and path else None
    if descriptor is None:
        yield
        return
    try:
        if gives_way:
            _lock(descriptor, fcntl.LOCK_EX, _GIVES_WAY_SECONDS)
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # who comes now is only held up by this one transaction
        else:
            _lock(descriptor, fcntl.LOCK_SH, _REGISTER_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, seconds: float) -> None:
    """Take the lock if that is possible in time. Without it, chance decides."""
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
    """The file's descriptor; None where it cannot be had: then chance decides, as without it."""
    try:
        return open_file(path, os.O_RDWR, like=Path(str(path).removesuffix(_SUFFIX)))  # as SQLite does with its own
    except OSError:
        return None
