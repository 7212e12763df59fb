"""A new SQLite database that is whole or not there: it is made under another name, and renamed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from engage_server.errors import Conflict
from engage_server.files.writing import sync_folder
from engage_server.store.database.engine import create_sqlite_file, open_engine, sqlite_path

_UNFINISHED = ".unfinished"
_BESIDE = ("-wal", "-shm", "-journal", "-writers")


@contextmanager
def new_database(database_url: str) -> Iterator[Engine]:
    """Yield an engine on a new, empty database. It is in its place only if nothing raised.

    A PostgreSQL database is the one that the URL names: what is written there must be one transaction.

    Raises:
        Conflict: There is a SQLite file already, or a log of one that is gone.
        StoreNotUsable: The folder cannot be written.
    """
    path = sqlite_path(database_url)
    if path is None:
        engine = open_engine(database_url)
        try:
            yield engine
        finally:
            engine.dispose()
        return
    assert_no_file(path)
    unfinished = path.with_name(path.name + _UNFINISHED)
    _remove(unfinished)  # of a run that was killed
    url = f"sqlite:///{unfinished}"
    try:
        create_sqlite_file(url)
        engine = open_engine(url)
        try:
            yield engine
        finally:
            engine.dispose()  # whoever closes last brings the write-ahead log in
        Path(f"{unfinished}{_BESIDE[-1]}").unlink(missing_ok=True)  # nobody looks for it after the rename
        unfinished.replace(path)
        sync_folder(path.parent)
    finally:
        _remove(unfinished)


def assert_no_file(path: Path) -> None:
    """Refuse a place where a SQLite database is, or where the log of one is left: SQLite would apply that log.

    Raises:
        Conflict: There is one.
    """
    for each in (path, *(Path(f"{path}{suffix}") for suffix in _BESIDE[:3])):
        if each.exists() and each.stat().st_size:
            raise Conflict(
                f"{each} exists already", "Move it to another folder. Nothing was changed.", code="store.not_empty"
            )


def _remove(path: Path) -> None:
    for suffix in ("", *_BESIDE):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
