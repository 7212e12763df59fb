"""Takes a picture of all tables, while others write."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from engage_server.errors import StoreNotUsable
from engage_server.store import schema
from engage_server.store.copying.left_out import LEFT_OUT
from engage_server.store.copying.lines import Row, lines_of
from engage_server.store.copying.second_file import second_file
from engage_server.store.copying.shapes import ColumnShape, Kind, TableShape, shapes_of
from engage_server.store.database.engine import reading
from engage_server.store.interface.copying import Picture

_AT_ONCE = 1000  # rows
_TIMES = {  # as they stand in a line; SQLite holds them as texts, in UTC
    "sqlite": "replace({name}, ' ', 'T') || 'Z'",
    "postgresql": """to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
}


@contextmanager
def picture_of(engine: Engine) -> Iterator[Picture]:
    """Take a picture of all tables. Writers are not blocked.

    With SQLite, it is a second file beside the database, with mode 0600, which is removed at the end. With PostgreSQL,
    it is one transaction, which stays open until the end.

    Raises:
        StoreNotUsable: The database does not answer, or there is no space for the second file.
        StoreVersionMismatch: The tables are not those of this version.
    """
    schema.assert_current(engine)
    with (_of_postgresql if engine.dialect.name == "postgresql" else _of_sqlite)(engine) as picture:
        yield picture


@contextmanager
def _of_postgresql(engine: Engine) -> Iterator[Picture]:
    import psycopg

    with reading(engine, seconds=None) as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        driver: Any = connection.connection.driver_connection

        def batches(select: str) -> Iterator[Sequence[Row]]:
            try:
                with driver.cursor(name="picture", binary=True) as found:  # a name: the rows stay on the server
                    found.execute(select.encode())
                    while rows := found.fetchmany(_AT_ONCE):
                        yield rows
            except psycopg.Error as error:
                raise StoreNotUsable(f"the database reports an error: {error}", "Check that it runs.") from None

        yield _Taken(schema.REVISIONS[-1], "postgresql", _shapes(connection), batches)


@contextmanager
def _of_sqlite(engine: Engine) -> Iterator[Picture]:
    with ExitStack() as kept:
        with reading(engine) as connection:
            shapes = _shapes(connection)
            file = kept.enter_context(second_file(connection))

        def batches(select: str) -> Iterator[Sequence[Row]]:
            found = file.execute(select)
            while rows := found.fetchmany(_AT_ONCE):
                yield rows

        yield _Taken(schema.REVISIONS[-1], "sqlite", shapes, batches)


@dataclass
class _Taken:
    """A picture, whose rows come from wherever it is."""

    schema: str
    dialect: str
    shapes: Mapping[str, TableShape]
    batches: Callable[[str], Iterator[Sequence[Row]]]

    def tables(self) -> Sequence[str]:
        return list(self.shapes)

    def rows(self, table: str) -> Iterator[bytes]:
        shape = self.shapes[table]
        try:
            yield from lines_of(shape, self.batches(_select(shape, self.dialect)))
        except (ValueError, LookupError) as error:
            raise StoreNotUsable(
                f"table {table}: {error}", "Another program changed the database. Nothing was changed now."
            ) from None


def _shapes(connection: Connection) -> Mapping[str, TableShape]:
    from engage_server.store.partial_indexes import whole_schema  # takes a moment: it loads both dialects

    return shapes_of(connection, [each.name for each in whole_schema.sorted_tables if each.name not in LEFT_OUT])


def _select(shape: TableShape, dialect: str) -> str:
    columns = {column.name: column for column in shape.columns}
    wanted = ", ".join(_wanted(column, dialect) for column in shape.in_order)
    order = ", ".join(_place(columns[name], dialect) for name in shape.key)
    return f'SELECT {wanted} FROM "{shape.name}" ORDER BY {order}'  # noqa: S608  # our names


def _wanted(column: ColumnShape, dialect: str) -> str:
    name = f'"{column.name}"'
    if column.kind is Kind.TIME:
        return _TIMES[dialect].format(name=name)
    # to SQLite, a column of JSON is numeric: it holds a text that is a number as one
    return f"CAST({name} AS text)" if column.kind is Kind.JSON else name


def _place(column: ColumnShape, dialect: str) -> str:
    """Texts in the order of their characters, as SQLite has them, whatever the language of the database."""
    is_text = column.kind is Kind.TEXT and dialect == "postgresql"
    return f'"{column.name}"' + (' COLLATE "C"' if is_text else "")
