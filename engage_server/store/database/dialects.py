"""What SQLAlchemy has for each database apart, though both know it. Only the one that is used is imported."""

from typing import TYPE_CHECKING, Any, Union

from sqlalchemy import Table
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert


def insert_into(dialect: str, table: Table) -> Union["PostgresqlInsert", "SqliteInsert"]:
    """An INSERT that may have ON CONFLICT DO UPDATE.

    Args:
        dialect: The name of SQLAlchemy's dialect: of the connection that runs it.
        table: Where to.
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def array_of(values: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type of an array of these. PostgreSQL has it, and SQLite has not."""
    from sqlalchemy.dialects import postgresql

    return postgresql.ARRAY(values)
