"""Connections to the database, and the translation of its errors."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from engage_server.errors import SettingsInvalid, StoreNotUsable

_BUSY_SECONDS = 10  # how long SQLite waits for another writer
_POSTGRESQL_CONNECT_SECONDS = 5
_WRITING = {"engage_writing": True}


def open_engine(database_url: str) -> Engine:
    """An engine for SQLite or PostgreSQL. Connects only when first used.

    Args:
        database_url: An SQLAlchemy URL; a SQLite path must be absolute. May hold a password: it is never shown.

    Raises:
        SettingsInvalid: It is no such URL, or another database.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise SettingsInvalid(
            "database_url can not be read", "Such as sqlite:///data/engage.db or postgresql://user@host/name."
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite_engine(url)
    if backend == "postgresql":
        return _postgresql_engine(url)
    raise SettingsInvalid(f"database_url: {backend} is not supported", "Use sqlite or postgresql.")


def _postgresql_engine(url: URL) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=2,
        # never prepared: a plan that is made without the values reads whole tables for a long list of them
        connect_args={"connect_timeout": _POSTGRESQL_CONNECT_SECONDS, "prepare_threshold": None},
    )


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:  # the driver's own type
        connection.isolation_level = None  # or the driver begins transactions by rules of its own
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # a writer takes the lock at once: upgrading a read lock later fails without waiting
        writing = "engage_writing" in connection.get_execution_options()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def create_sqlite_file(database_url: str) -> None:
    """Make the file of a new SQLite database with mode 0600 before the first byte is written.

    Raises:
        StoreNotUsable: The folder can not be written.
    """
    path = make_url(database_url).database
    if make_url(database_url).get_backend_name() != "sqlite" or not path or path == ":memory:":
        return
    try:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreNotUsable(
            f"{path}: {error.strerror}", "Make the folder writable, or set database_url to another place."
        ) from None


def sqlite_file_missing(database_url: str) -> bool:
    """Whether the URL names a SQLite file that does not exist."""
    url = make_url(database_url)
    return url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file()


def sqlite_path(database_url: str) -> Path | None:
    """Where a SQLite database lies; None for another one, or one in memory."""
    url = make_url(database_url)
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if is_file else None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that changes nothing: all that is read in it belongs to one moment."""
    with translated_errors(engine), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that changes something: all of it or nothing."""
    with (
        translated_errors(engine),
        engine.connect() as plain,
        plain.execution_options(**_WRITING) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def translated_errors(engine: Engine) -> Iterator[None]:
    """Turn what the driver raises into :class:`StoreNotUsable`, without the statement's values in it."""
    try:
        yield
    except DBAPIError as error:
        raise StoreNotUsable(f"the database {_shown(engine)} refused: {_first_line(error.orig)}", _NEXT) from None
    except SQLAlchemyError as error:
        raise StoreNotUsable(f"the database {_shown(engine)} can not be used: {type(error).__name__}", _NEXT) from None


_NEXT = "Check that it runs and that database_url is right; nothing was changed."


def _shown(engine: Engine) -> str:
    return engine.url.set(query={}).render_as_string(hide_password=True)


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
