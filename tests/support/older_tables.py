"""The tables of an earlier version, as its migrations make them."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import inspect

from engage_server.store import schema
from engage_server.store.database.engine import create_sqlite_file, open_engine, writing


def columns_at(version: str) -> Mapping[str, frozenset[str]]:
    """The columns of each table of a version."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'engage.db'}"
        create_sqlite_file(url)
        engine = open_engine(url)
        with writing(engine) as connection:
            schema.create_tables(connection, version)
            found = inspect(connection)
            columns = {
                table: frozenset(each["name"] for each in found.get_columns(table)) for table in found.get_table_names()
            }
        engine.dispose()
        return columns
