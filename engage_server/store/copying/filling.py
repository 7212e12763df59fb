"""Fills an empty database with the rows of a picture."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Engine, inspect

from engage_server.errors import Conflict, ContentNotUsable
from engage_server.store import schema as versions
from engage_server.store.copying.left_out import LEFT_OUT
from engage_server.store.copying.lines import Row
from engage_server.store.copying.parsing import rows_of
from engage_server.store.copying.shapes import TableShape
from engage_server.store.database.engine import reading
from engage_server.store.interface.copying import TableRows

_NOT_FILLED = {*LEFT_OUT, "alembic_version"}  # the migrations write that one

# Adds rows to a table. The number is that of the first row's line, for errors.
_Add = Callable[[TableShape, int, Sequence[Row]], None]
_Filling = Callable[[Engine, str, bool], AbstractContextManager[tuple[Mapping[str, TableShape], _Add]]]


def fill(
    engine: Engine, schema: str, tables: Iterable[TableRows], *, is_for_a_moment: bool = False
) -> Mapping[str, int]:
    """Make the tables of one version, and fill them. If anything is wrong, PostgreSQL has none of it.

    A SQLite file that could not be filled is of no use: remove it.

    The tables stay at ``schema``. Call :func:`engage_server.store.schema.upgrade` next: it also needs the key.

    Args:
        engine: An empty database. The file of a SQLite database exists, and is empty.
        schema: The version of the tables that the rows are of.
        tables: Each table with its rows. They are read once, in this order, and never all in memory.
        is_for_a_moment: Leave out the indexes that only make reading faster. Those that judge the rows are made. Do
            not upgrade such a database: a migration expects all of them.

    Returns:
        How many rows each table has.

    Raises:
        Conflict: The database is not empty.
        StoreVersionMismatch: A newer version made the rows.
        ContentNotUsable: A table is unknown, missing, or there twice. Or a line is not a row of its table. The
            sentence names the table and the line.
        StoreNotUsable: The database does not answer, or reports an error.
    """
    versions.assert_known(schema)
    assert_empty(engine)
    with _filling_of(engine)(engine, schema, is_for_a_moment) as (shapes, add):
        return _filled(shapes, add, tables)


def assert_empty(engine: Engine) -> None:
    """Refuse a database that has tables already, whosever they are.

    Raises:
        Conflict: It has some.
        StoreNotUsable: It does not answer.
    """
    with reading(engine) as connection:
        found = inspect(connection).get_table_names()
    if found:
        name = engine.url.set(query={}).render_as_string(hide_password=True)
        raise Conflict(
            f"the database {name} is not empty: it has the table {min(found)}",
            "Name an empty database. Nothing was changed.",
            code="store.not_empty",
        )


def _filling_of(engine: Engine) -> _Filling:
    if engine.dialect.name == "postgresql":
        from engage_server.store.copying.postgresql_filling import filling

        return filling
    from engage_server.store.copying import sqlite_filling

    return sqlite_filling.filling


def _filled(shapes: Mapping[str, TableShape], add: _Add, tables: Iterable[TableRows]) -> Mapping[str, int]:
    expected = {name: shape for name, shape in shapes.items() if name not in _NOT_FILLED}
    counts: dict[str, int] = {}
    for name, lines in tables:
        if name in counts or name not in expected:
            what = "is there twice" if name in counts else "is not one of this version"
            raise ContentNotUsable(f"the table {name} {what}", "Take another copy.", code="copy.tables")
        counts[name] = 0
        for number, rows in rows_of(expected[name], lines):
            add(expected[name], number, rows)
            counts[name] += len(rows)
    if missing := sorted(expected.keys() - counts):
        raise ContentNotUsable(f"the table {missing[0]} is missing", "Take another copy.", code="copy.tables")
    return counts
