"""Connections to the database, and the translation of its errors."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError

from engage_server.errors import NotPossible, SettingsInvalid, StoreNotUsable
from engage_server.files import make_folder, open_file
from engage_server.store.database.write_order import ahead_of_storing

LONG_SECONDS = 60.0  # for a statement over everything that is known of devices, or over a batch of it
_BUSY_SECONDS = 30  # how long SQLite waits for another writer: far more than one batch of sightings takes
_ALONE = 0x656E67616766  # for pg_advisory_lock: "engage" plus one; schema.upgrade uses "engage" itself
_ALONE_SECONDS, _ALONE_LOOK_SECONDS = 120.0, 0.2  # building a chain takes some seconds on a small machine
_WRITING, _AFTERWARDS = "engage_writing", "engage_afterwards"
_FILE, _GONE = "engage_file", "its file is gone"


def open_engine(database_url: str) -> Engine:
    """Build an engine for SQLite or PostgreSQL. It connects only when first used.

    Args:
        database_url: An SQLAlchemy URL. A SQLite path must be absolute. It may hold a password, which is never shown.

    Raises:
        SettingsInvalid: It is not such a URL, or is of another database.
    """
    url = _read_url(database_url)
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite_engine(url)
    if backend == "postgresql":
        from engage_server.store.database.postgresql import postgresql_engine  # loading its driver takes a moment

        return postgresql_engine(url)
    raise SettingsInvalid(f"database_url: {backend} is not supported", "Use sqlite or postgresql.")


def _read_url(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):  # ValueError: the port is not a number
        raise SettingsInvalid(
            "database_url cannot be read: it is not a database URL",
            "Write it like sqlite:///data/engage.db or postgresql://user@host/name.",
        ) from None
    if "@" in (url.host or ""):  # errors name the host, and what stands before the @ belongs to the password
        raise SettingsInvalid(
            "database_url cannot be read: its password or user holds an @", "Write %40 in its place, as in every URL."
        )
    return url


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
    if url.database not in (None, "", ":memory:"):
        _watch_file(engine, Path(str(url.database)))

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:  # the driver's own type
        connection.isolation_level = None  # otherwise the driver begins transactions by its own rules
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # A writer takes the lock at once: to upgrade a read lock later fails without waiting.
        writing = _WRITING in connection.get_execution_options()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _watch_file(engine: Engine, path: Path) -> None:
    """Never use a database whose file is gone, and never make an empty one in its place.

    SQLite does both. A process that serves would go on writing to the removed file, where nobody finds it again. The
    empty file would look like a database that only lacks its tables.
    """

    @event.listens_for(engine, "do_connect")
    def _on_do_connect(_dialect: object, _record: object, _arguments: object, _parameters: object) -> None:
        if not path.is_file():
            raise sqlite3.OperationalError(_GONE)

    @event.listens_for(engine, "connect")
    def _on_connect(_connection: object, record: Any) -> None:
        record.info[_FILE] = _identity(path)

    @event.listens_for(engine, "checkout")
    def _on_checkout(_connection: object, record: Any, _proxy: object) -> None:
        if record.info.get(_FILE) != _identity(path):
            raise DisconnectionError(_GONE)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def create_sqlite_file(database_url: str) -> None:
    """Make the file of a new SQLite database with mode 0600 before the first byte is written.

    Raises:
        StoreNotUsable: The folder cannot be written.
    """
    url = _read_url(database_url)
    path = url.database
    if url.get_backend_name() != "sqlite" or not path or path == ":memory:":
        return
    try:
        make_folder(Path(path).parent)
        os.close(open_file(Path(path), os.O_RDWR))
    except OSError as error:
        raise StoreNotUsable(
            f"{path}: {error.strerror}", "Make the folder writable, or set database_url to another place."
        ) from None


def sqlite_file_missing(database_url: str) -> bool:
    """Whether the URL names a SQLite file that does not exist."""
    url = _read_url(database_url)
    return url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file()


def sqlite_path(database_url: str) -> Path | None:
    """Return the path of a SQLite database. None for another database, or one in memory."""
    url = _read_url(database_url)
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if is_file else None


@contextmanager
def only_one(engine: Engine) -> Iterator[None]:
    """Allow only one at a time on this PostgreSQL; wait for others. With SQLite, do nothing: it is on one machine.

    Raises:
        NotPossible: Another one has been running for too long.
        StoreNotUsable: The database does not answer.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with translated_errors(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()  # closing it releases the lock for the next one
    try:
        _wait_until_alone(engine, connection)
        yield
    finally:
        connection.close()
        engine.dispose()


def _wait_until_alone(engine: Engine, connection: Connection) -> None:
    until = time.monotonic() + _ALONE_SECONDS
    with translated_errors(engine):
        while not connection.scalar(select(func.pg_try_advisory_lock(_ALONE))):
            if time.monotonic() >= until:
                raise NotPossible("another 'engage init' is running on this database", "Wait for it, and run it again.")
            time.sleep(_ALONE_LOOK_SECONDS)


@contextmanager
def reading(engine: Engine, seconds: float | None = 0) -> Iterator[Connection]:
    """Open a transaction that changes nothing. Everything that it reads belongs to one moment.

    Args:
        engine: The engine.
        seconds: PostgreSQL's limit for each statement: 0 is the usual limit, None is no limit.
    """
    with translated_errors(engine), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin(), _patience(connection, seconds):
            yield connection


@contextmanager
def writing(engine: Engine, seconds: float | None = 0, *, gives_way: bool = False) -> Iterator[Connection]:
    """Open a transaction that changes something: all of it or nothing.

    Args:
        engine: The engine.
        seconds: As in :func:`reading`.
        gives_way: Lets every other writer go first. For storing sightings, which goes on all day.
    """
    afterwards: list[Callable[[], None]] = []
    options: dict[str, Any] = {_WRITING: True, _AFTERWARDS: afterwards}
    with (
        translated_errors(engine),
        ahead_of_storing(engine, gives_way=gives_way),
        engine.connect() as plain,
        plain.execution_options(**options) as connection,
        connection.begin() as transaction,
    ):
        with _patience(connection, seconds):
            yield connection
        with translated_errors(engine, commits=True):
            transaction.commit()
    for each in afterwards:
        each()


def after_commit(connection: Connection, action: Callable[[], None]) -> None:
    """Call the action once the transaction of :func:`writing` is committed. If it is rolled back, never call it."""
    connection.get_execution_options()[_AFTERWARDS].append(action)


@contextmanager
def _patience(connection: Connection, seconds: float | None) -> Iterator[None]:
    if connection.dialect.name != "postgresql" or seconds == 0:
        yield
        return
    from engage_server.store.database.postgresql import be_patient, be_usual

    driver: Any = connection.connection.driver_connection
    try:
        be_patient(connection, driver, seconds)
        yield
    finally:
        be_usual(driver)


_NEXT = "Check that it runs and that database_url is right; nothing was changed."
_UNCERTAIN = "It was lost while it confirmed the change. Check whether it was made: engage audit show --last 5"
_LOCKED = "Another process has been writing for too long. Run the command again; nothing was changed."
_FULL = "Its disk is full: free some space, then run the command again; nothing was changed."
_OF_SQLITE = {  # by SQLite's message
    "database is locked": _LOCKED,
    "database or disk is full": _FULL,
    _GONE: "Stop the servers, and restore it from its backup. Nothing was changed.",
    "disk I/O error": "Its disk is full or broken: check it, then run the command again; nothing was changed.",
}
_KNOWN = {  # by SQLSTATE
    "53100": _FULL,
    "57014": "A statement took too long, or waited for another one. Run the command again; nothing was changed.",
    "25006": "It is a standby, or has become one. Name all servers: "
    "postgresql://USER@ONE,OTHER/NAME?target_session_attrs=read-write. Nothing was changed.",
}


@contextmanager
def translated_errors(engine: Engine, *, commits: bool = False) -> Iterator[None]:
    """Turn what the driver raises into :class:`StoreNotUsable`, without the statement's values in it.

    Args:
        engine: The engine.
        commits: Whether a change is being committed. If the connection is lost then, the outcome is not known.
    """
    try:
        yield
    except DBAPIError as error:
        sentence = f"the database {_shown(engine)} reports an error: {_first_line(error.orig)}"
        raise StoreNotUsable(sentence, _next_step(error, commits=commits)) from None
    except SQLAlchemyError as error:
        sentence = f"the database {_shown(engine)} cannot be used: {type(error).__name__}"
        raise StoreNotUsable(sentence, _NEXT) from None


def _next_step(error: DBAPIError, *, commits: bool) -> str:
    known = _KNOWN.get(getattr(error.orig, "sqlstate", None) or "")
    if known:
        return known
    if commits and error.connection_invalidated:
        return _UNCERTAIN
    return _OF_SQLITE.get(_first_line(error.orig), _NEXT)


def _shown(engine: Engine) -> str:
    return engine.url.set(query={}).render_as_string(hide_password=True)


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
