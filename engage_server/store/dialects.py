"""What SQLAlchemy has for each database apart, though both know it. Only the one that is used is imported."""

from typing import TYPE_CHECKING, Union

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert


def insert_into(connection: Connection, table: Table) -> Union["PostgresqlInsert", "SqliteInsert"]:
    """An INSERT that may have ON CONFLICT DO UPDATE.

    Args:
        connection: Its database is asked which one it is.
        table: Where to.
    """
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
