"""What a database holds, for a comparison after a copy."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Engine, func, select, table

from engage_server.records import AuditHead
from engage_server.store.audit_log import select_head
from engage_server.store.database.engine import reading


def content_of(engine: Engine, tables: Iterable[str]) -> tuple[Mapping[str, int], AuditHead]:
    """Return the number of rows of each table, and the end of the audit log.

    Raises:
        StoreNotUsable: The database does not answer.
    """
    with reading(engine, seconds=None) as connection:
        counts = {name: int(connection.scalar(select(func.count()).select_from(table(name))) or 0) for name in tables}
        return counts, select_head(connection)
