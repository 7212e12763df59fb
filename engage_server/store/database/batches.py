"""Writes many rows in few statements, on both databases.

SQLAlchemy writes one statement for each row, or one statement with thousands of values, which PostgreSQL's driver then
takes apart again. That costs more than everything else that is done with a sighting. So SQLite's driver gets plain
rows, and PostgreSQL one array for each column.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    String,
    Table,
    Text,
    any_,
    bindparam,
    cast,
)

from engage_server.store.database.array_literals import literal_of
from engage_server.store.database.dialects import array_of

_IN_ONE_QUERY = 400  # SQLite accepts only some thousand values
_IN_ONE_ARRAY = 4000  # PostgreSQL gets them as one value; so many are in a batch of sightings at most
_STATEMENTS_KEPT = 64
_POSTGRESQL = "postgresql"

Converter = Callable[[Any], Any]


def insert_all(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows.

    Args:
        connection: In a transaction.
        table: The table.
        names: The columns, in the order of each row's values. Other columns get their defaults.
        rows: The values.
    """
    upsert(connection, table, names, (), rows)


def upsert(
    connection: Connection, table: Table, names: Sequence[str], key: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows, or replace the columns that are not their key. No two rows may have the same key.

    Args:
        connection: In a transaction.
        table: The table.
        names: As in :func:`insert_all`.
        key: The names of a unique index's columns.
        rows: The values.
    """
    if rows:
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        _execute(connection, _insert_text(connection.dialect, table, tuple(names), tuple(key)), table, columns)


def update_all(connection: Connection, table: Table, key: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Change some columns of rows that exist. An index without any of these columns is not touched on SQLite.

    Args:
        connection: In a transaction.
        table: The table.
        key: The name of the column that says which row is changed.
        columns: By name, the new values of each column, and those of the key. All have the same length.
    """
    names = (*(name for name in columns if name != key), key)  # in the order in which SQLite's statement has them
    if len(names) > 1 and columns[key]:
        text = _update_text(connection.dialect, table, names)
        _execute(connection, text, table, {name: columns[name] for name in names})


def chunks(names: Iterable[str], connection: Connection | None = None) -> Iterator[list[str]]:
    """Return names without repetition, in the order of the index, as many at a time as one statement accepts.

    Args:
        names: The names.
        connection: The connection that they are for. None returns as many as any database accepts.
    """
    rest = iter(sorted(set(names)))
    takes_arrays = connection is not None and connection.dialect.name == _POSTGRESQL
    most = _IN_ONE_ARRAY if takes_arrays else _IN_ONE_QUERY
    while some := list(islice(rest, most)):
        yield some


def one_of(connection: Connection, column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a column has one of these values. Pass no more values than :func:`chunks` returns at a time."""
    if connection.dialect.name != _POSTGRESQL:
        return column.in_(values)
    _, written = literal_of(column, connection.dialect)
    # not an array of the column's own type: a cast to it would cut long texts off, and then find others
    wide = Text() if isinstance(column.type, String) else BigInteger()
    return column == any_(cast(bindparam(None, written(values), type_=Text()), array_of(wide)))


def _execute(connection: Connection, text: str, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Run a statement that has a place for each of these columns, in their order."""
    dialect = connection.dialect
    if dialect.name == _POSTGRESQL:
        arrays = tuple(literal_of(table.c[name], dialect)[1](values) for name, values in columns.items())
        connection.exec_driver_sql(text, arrays)
        return
    converters = [_converter(dialect, table.c[name]) for name in columns]
    converted = [
        values if converter is None else map(converter, values)
        for converter, values in zip(converters, columns.values(), strict=True)
    ]
    connection.exec_driver_sql(text, list(zip(*converted, strict=True)))


@lru_cache(maxsize=_STATEMENTS_KEPT)
def _insert_text(dialect: Dialect, table: Table, names: tuple[str, ...], key: tuple[str, ...]) -> str:
    quote = dialect.identifier_preparer.quote
    listed = ", ".join(map(quote, names))
    text = f"INSERT INTO {quote(table.name)} ({listed}) {_source(dialect, table, names)}"
    if not key:
        return text
    changed = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names if name not in key)
    return f"{text} ON CONFLICT ({', '.join(map(quote, key))}) DO UPDATE SET {changed}"


@lru_cache(maxsize=_STATEMENTS_KEPT)
def _update_text(dialect: Dialect, table: Table, names: tuple[str, ...]) -> str:
    """Build the statement. The last name is the key's."""
    quote = dialect.identifier_preparer.quote
    name, quoted = quote(table.name), list(map(quote, names))
    *changing, key = quoted
    if dialect.name != _POSTGRESQL:
        return f"UPDATE {name} SET {', '.join(f'{each} = ?' for each in changing)} WHERE {key} = ?"  # noqa: S608  # the same
    changes = ", ".join(f"{each} = given.{each}" for each in changing)
    source = f"{_arrays(dialect, table, names)} AS given({', '.join(quoted)})"
    return f"UPDATE {name} SET {changes} FROM {source} WHERE {name}.{key} = given.{key}"  # noqa: S608  # the same


def _source(dialect: Dialect, table: Table, names: tuple[str, ...]) -> str:
    if dialect.name != _POSTGRESQL:
        return f"VALUES ({', '.join('?' * len(names))})"
    return f"SELECT * FROM {_arrays(dialect, table, names)}"  # noqa: S608  # our names


def _arrays(dialect: Dialect, table: Table, names: tuple[str, ...]) -> str:
    return f"unnest({', '.join(f'%s::{literal_of(table.c[name], dialect)[0]}' for name in names)})"


@lru_cache(maxsize=1024)
def _converter(dialect: Dialect, column: Column[Any]) -> Converter | None:
    return column.type.dialect_impl(dialect).bind_processor(dialect)
