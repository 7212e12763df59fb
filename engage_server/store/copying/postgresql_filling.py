"""Fills an empty PostgreSQL database, in one transaction, by COPY."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, inspect, text

from engage_server.errors import EngageError, StoreNotUsable
from engage_server.store import schema as versions
from engage_server.store.copying.indexes import OF_POSTGRESQL, without_indexes
from engage_server.store.copying.lines import Row
from engage_server.store.copying.parsing import refused
from engage_server.store.copying.shapes import TableShape, shapes_of
from engage_server.store.database.engine import writing

_SEQUENCES = (
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND column_default LIKE 'nextval(%'"
)
_OF_THE_ROWS = ("22", "23")  # the classes of SQLSTATE: data exceptions, integrity constraint violations


@contextmanager
def filling(engine: Engine, schema: str, is_for_a_moment: bool) -> Iterator[tuple[Mapping[str, TableShape], Any]]:
    """Make the tables, and yield their shapes and a function that adds rows. All of it is one transaction."""
    with writing(engine, seconds=None) as connection:
        versions.create_tables(connection, schema)
        shapes = shapes_of(connection, inspect(connection).get_table_names())
        driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        try:
            found = driver.execute(OF_POSTGRESQL).fetchall()
            with without_indexes(
                found, partial(_execute, driver), psycopg.errors.UniqueViolation, only_unique=is_for_a_moment
            ):
                yield shapes, partial(_add, driver)
        except psycopg.Error as error:
            raise _not_usable(error) from None
        _set_sequences(connection)
        connection.execute(text(f"ANALYZE {', '.join(shapes)}"))  # otherwise its plans are those of empty tables


def _execute(driver: psycopg.Connection[Any], statement: str) -> None:
    driver.execute(statement.encode())


def _add(driver: psycopg.Connection[Any], shape: TableShape, number: int, rows: Sequence[Row]) -> None:
    columns = ", ".join(f'"{column.name}"' for column in shape.in_order)
    try:
        with driver.cursor() as cursor, cursor.copy(f'COPY "{shape.name}" ({columns}) FROM STDIN'.encode()) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        if (error.sqlstate or _OF_THE_ROWS[0])[:2] not in _OF_THE_ROWS or not isinstance(error, _REFUSING):
            raise _not_usable(error) from None
        raise refused(shape.name, _sentence(error), number, number + len(rows) - 1) from None


_REFUSING = (psycopg.DataError, psycopg.IntegrityError)  # a NUL in a text has no SQLSTATE: the driver refuses it


def _sentence(error: psycopg.Error) -> str:
    """What the server says first: no more, because the rest quotes values."""
    return error.diag.message_primary or str(error).strip().partition("\n")[0]


def _not_usable(error: psycopg.Error) -> EngageError:
    return StoreNotUsable(f"the database reports an error: {_sentence(error)}", "Check that it runs; nothing was kept.")


def _set_sequences(connection: Connection) -> None:
    """Let the next number follow the highest one."""
    for table, column in connection.execute(text(_SEQUENCES)).all():
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('\"{table}\"', '{column}'), max(\"{column}\")) "  # noqa: S608
                f'FROM "{table}" HAVING max("{column}") IS NOT NULL'
            )
        )
