"""How long uploads stay in rows, and who has read them. In the caller's transaction."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, Select, delete, func, select, update

from engage_server.store.access.tables import access_tokens
from engage_server.store.database.dialects import insert_into
from engage_server.store.interface.shared_files import REMOVED, SharedCounts, SharedReader
from engage_server.store.queries.worker_queries import database_now
from engage_server.store.shared_files.site_rows import locked_standing, select_standing
from engage_server.store.shared_files.tables import shared_files, shared_readers, shared_sites, shared_uploads

_U, _R = shared_uploads.c, shared_readers.c


def put_reader(connection: Connection, row_id: int, reader: str, journal: str, number: int) -> None:
    """Record how far a reader has come. A smaller number of the same journal changes nothing."""
    known = connection.execute(select(shared_readers).where(_R.site_id == row_id, _R.reader == reader)).one_or_none()
    if known is not None and known.journal == journal and known.number >= number:
        return
    values = {"journal": journal, "number": number, "read_at": database_now(connection)}
    insert = insert_into(connection.dialect.name, shared_readers).values(site_id=row_id, reader=reader, **values)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["site_id", "reader"],
            set_=values,
            where=(_R.number < number) | (_R.journal != journal),
        )
    )


def select_readers(connection: Connection, row_id: int) -> Sequence[SharedReader]:
    """Return the readers whose token is still good."""
    standing = select_standing(connection, row_id)
    rows = connection.execute(_good_readers(connection, row_id).order_by(access_tokens.c.name))
    return [
        SharedReader(row.name, row.number if standing and row.journal == standing.journal else 0, row.read_at)
        for row in rows
    ]


def delete_old(connection: Connection, row_id: int, keep: timedelta, limit: int) -> int:
    """Remove uploads that are older, up to the one that a reader does not have yet. Return how many."""
    if select_standing(connection, row_id) is None:
        return 0
    locked_standing(connection, row_id)
    old = select(_U.id, _U.length).where(_U.site_id == row_id, _U.stored_at < database_now(connection) - keep)
    readers = select_readers(connection, row_id)
    if readers:  # imported ones have no number: no list gives them
        old = old.where(_U.number.is_(None) | (_U.number <= min(each.number for each in readers)))
    rows = connection.execute(old.order_by(_U.stored_at).limit(limit)).all()
    if not rows:
        return 0
    connection.execute(delete(shared_uploads).where(_U.id.in_([row.id for row in rows])))
    less = sum(row.length for row in rows)
    of_site = shared_sites.c.site_id == row_id
    connection.execute(update(shared_sites).where(of_site).values(bytes=shared_sites.c.bytes - less))
    return len(rows)


def count(connection: Connection, row_id: int) -> SharedCounts:
    """Return how much there is of a site."""
    c = shared_files.c
    files = select(func.count()).where(c.site_id == row_id, c.is_current, c.kind != REMOVED)
    uploads = select(func.count()).where(_U.site_id == row_id)
    return SharedCounts(connection.scalar(files) or 0, connection.scalar(uploads) or 0)


def _good_readers(connection: Connection, row_id: int) -> Select[tuple[str, str, int, object]]:
    t, now = access_tokens.c, database_now(connection)
    query = select(t.name, _R.journal, _R.number, _R.read_at).join(access_tokens, t.name == _R.reader)
    return query.where(_R.site_id == row_id, t.revoked_at.is_(None), t.ends_at > now)
