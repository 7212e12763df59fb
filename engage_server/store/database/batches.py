"""Writes many rows in few statements, on both databases.

SQLAlchemy writes one statement for each row, or one statement with thousands of values, which PostgreSQL's driver then
takes apart again. That costs more than everything else that is done with a sighting. So SQLite's driver gets plain
rows, and PostgreSQL one array for each column.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Dialect, Table, any_, bindparam, func, select
from sqlalchemy import column as named
from sqlalchemy.sql.dml import Insert

from engage_server.store.database.dialects import array_of, insert_into

_IN_ONE_QUERY = 400  # SQLite accepts only some thousand values
_STATEMENTS_KEPT = 32
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
    _insert(connection, table, names, (), rows)


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
    _insert(connection, table, names, key, rows)


def chunks(names: Iterable[str]) -> Iterator[list[str]]:
    """Return names without repetition, in the order of the index, as many at a time as one statement accepts."""
    rest = iter(sorted(set(names)))
    while some := list(islice(rest, _IN_ONE_QUERY)):
        yield some


def one_of(connection: Connection, column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a column has one of these values. Pass no more values than :func:`chunks` returns at a time."""
    if connection.dialect.name == _POSTGRESQL:
        return column == any_(bindparam(None, list(values), type_=array_of(column.type)))
    return column.in_(values)


def _insert(
    connection: Connection, table: Table, names: Sequence[str], key: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    if not rows:
        return
    if connection.dialect.name == _POSTGRESQL:
        statement = _from_arrays(table, tuple(names), tuple(key))
        connection.execute(statement, {names[at]: list(array) for at, array in enumerate(zip(*rows, strict=True))})
        return
    text, order = _for_driver(connection.dialect, table, tuple(names), tuple(key))
    arrays = list(zip(*rows, strict=True))
    columns = [arrays[at] if converted is None else map(converted, arrays[at]) for at, converted in order]
    connection.exec_driver_sql(text, list(zip(*columns, strict=True)))


@lru_cache(maxsize=_STATEMENTS_KEPT)
def _from_arrays(table: Table, names: tuple[str, ...], key: tuple[str, ...]) -> Insert:
    """Build the statement for PostgreSQL: the rows are passed as one array for each column."""
    arrays = [bindparam(name, type_=array_of(table.c[name].type)) for name in names]
    source = func.unnest(*arrays).table_valued(*(named(name, table.c[name].type) for name in names)).render_derived()
    insert = insert_into(_POSTGRESQL, table).from_select(list(names), select(*(source.c[name] for name in names)))
    if not key:
        return insert
    rest = {name: insert.excluded[name] for name in names if name not in key}
    return insert.on_conflict_do_update(index_elements=list(key), set_=rest)


@lru_cache(maxsize=_STATEMENTS_KEPT)
def _for_driver(
    dialect: Dialect, table: Table, names: tuple[str, ...], key: tuple[str, ...]
) -> tuple[str, list[tuple[int, Converter | None]]]:
    """Build the statement for SQLite's driver. Also return the name and the converter of each of its values."""
    insert = insert_into(dialect.name, table)
    if key:
        rest = {name: insert.excluded[name] for name in names if name not in key}
        insert = insert.on_conflict_do_update(index_elements=list(key), set_=rest)
    compiled = insert.compile(dialect=dialect, column_keys=list(names))
    order = compiled.positiontup or ()
    return str(compiled), [(names.index(name), _converter(dialect, table.c[name])) for name in order]


def _converter(dialect: Dialect, column: Column[Any]) -> Converter | None:
    return column.type.dialect_impl(dialect).bind_processor(dialect)
