"""What both databases have, but SQLAlchemy keeps in each one's own module. Only the module in use is imported."""

from typing import TYPE_CHECKING, Any, Union

from sqlalchemy import Table
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert


def insert_into(dialect: str, table: Table) -> Union["PostgresqlInsert", "SqliteInsert"]:
    """Return an INSERT that can have ON CONFLICT DO UPDATE.

    Args:
        dialect: The name of SQLAlchemy's dialect, of the connection that runs it.
        table: The table.
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def array_of(values: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type of an array of these values. PostgreSQL has arrays, SQLite does not."""
    from sqlalchemy.dialects import postgresql

    return postgresql.ARRAY(values)
