"""Many rows in few statements, on both databases."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Table

from engage_server.store.dialects import insert_into

_IN_ONE_QUERY = 400  # SQLite takes no more than some thousand values


def upsert(
    connection: Connection, table: Table, values: Sequence[dict[str, Any]], key: list[str], returning: list[str]
) -> Sequence[Row[Any]]:
    """Insert rows, or replace what is not their key. Asked for a result, SQLAlchemy sends many rows at once."""
    if not values:
        return []
    insert = insert_into(connection, table)
    rest = {name: insert.excluded[name] for name in values[0] if name not in key}
    statement = insert.on_conflict_do_update(index_elements=key, set_=rest)
    return connection.execute(statement.returning(*(table.c[name] for name in returning)), list(values)).all()


def chunks(names: Iterable[str]) -> Iterator[list[str]]:
    """Names without repetition, in the order of the index, as many at a time as one statement takes."""
    rest = iter(sorted(set(names)))
    while some := list(islice(rest, _IN_ONE_QUERY)):
        yield some
