"""Fills an empty SQLite database. Nothing is safe from a crash meanwhile: who fills one renames the file afterwards."""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Engine, inspect

from engage_server.errors import ContentNotUsable, StoreNotUsable
from engage_server.store import schema as versions
from engage_server.store.copying.indexes import OF_SQLITE, without_indexes
from engage_server.store.copying.lines import Row
from engage_server.store.copying.parsing import refused
from engage_server.store.copying.shapes import ColumnShape, Kind, TableShape, shapes_of
from engage_server.store.database.engine import writing

_CACHE_KIB = 65_536  # with SQLite's 2 MB, an index of a million rows is read from the disk over and over


@contextmanager
def filling(engine: Engine, schema: str, is_for_a_moment: bool) -> Iterator[tuple[Mapping[str, TableShape], Any]]:
    """Make the tables, and yield their shapes and a function that adds rows."""
    with writing(engine) as connection:
        versions.create_tables(connection, schema)
        shapes = shapes_of(connection, inspect(connection).get_table_names())
    engine.dispose()  # what follows needs the file alone
    path = str(engine.url.database)
    try:
        with closing(_alone(path)) as file:
            with without_indexes(
                file.execute(OF_SQLITE).fetchall(), file.execute, sqlite3.IntegrityError, only_unique=is_for_a_moment
            ):
                yield shapes, partial(_add, file)
            _assert_references(file)
            file.execute("COMMIT")
        _sync(path)
    except sqlite3.Error as error:
        raise StoreNotUsable(
            f"the database {path}: {error}", "Check the space on its disk, and run it again."
        ) from None


def _alone(path: str) -> sqlite3.Connection:
    file = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}", "foreign_keys = OFF"):
        file.execute(f"PRAGMA {setting}")
    file.execute("BEGIN EXCLUSIVE")
    return file


def _add(file: sqlite3.Connection, shape: TableShape, number: int, rows: Sequence[Row]) -> None:
    columns = ", ".join(f'"{column.name}"' for column in shape.in_order)
    values = ", ".join(map(_value, shape.in_order))
    try:
        file.executemany(f'INSERT INTO "{shape.name}" ({columns}) VALUES ({values})', rows)  # noqa: S608  # our names
    except (sqlite3.IntegrityError, sqlite3.DataError) as error:
        raise refused(shape.name, str(error), number, number + len(rows) - 1) from None


def _value(column: ColumnShape) -> str:
    """Times as SQLAlchemy writes them: without the zone."""
    return "replace(substr(?, 1, 26), 'T', ' ')" if column.kind is Kind.TIME else "?"


def _assert_references(file: sqlite3.Connection) -> None:
    if found := file.execute("PRAGMA foreign_key_check").fetchone():
        raise ContentNotUsable(
            f"table {found[0]}: a row refers to a row of {found[2]} that is not there",
            "Take another copy.",
            code="copy.bad_line",
        )


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
