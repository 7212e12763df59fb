"""Fills an empty database with the rows of a picture."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Engine

from engage_server.store.interface.copying import TableRows


def fill(engine: Engine, schema: str, tables: Iterable[TableRows]) -> Mapping[str, int]:
    """Make the tables of one version, and fill them. If anything is wrong, PostgreSQL has none of it.

    A SQLite file that could not be filled is of no use: remove it.

    The tables stay at ``schema``. Call :func:`engage_server.store.schema.upgrade` next: it also needs the key.

    Args:
        engine: An empty database. The file of a SQLite database exists, and is empty.
        schema: The version of the tables that the rows are of.
        tables: Each table with its rows. They are read once, in this order, and never all in memory.

    Returns:
        How many rows each table has.

    Raises:
        Conflict: The database is not empty.
        StoreVersionMismatch: A newer version made the rows.
        ContentNotUsable: A table is unknown, missing, or there twice. Or a line is not a row of its table. The
            sentence names the table and the line.
        StoreNotUsable: The database does not answer, or reports an error.
    """
    raise NotImplementedError
