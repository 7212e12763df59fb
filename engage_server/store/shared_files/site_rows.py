"""The row of a site with shared files: it is locked before anything of the site gets a number."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from engage_server.store.database.dialects import insert_into
from engage_server.store.interface.shared_files import SharedStanding
from engage_server.store.shared_files.tables import shared_sites
from engage_server.store.tables import sites

_MILLISECONDS = 1000


def select_standings(connection: Connection) -> Mapping[str, SharedStanding]:
    """Return the standing of each site that has one."""
    query = select(sites.c.name, shared_sites).join(sites, sites.c.id == shared_sites.c.site_id)
    return {
        row.name: SharedStanding(row.journal, row.changes, row.uploads, row.bytes) for row in connection.execute(query)
    }


def select_standing(connection: Connection, row_id: int, *, locks: bool = False) -> SharedStanding | None:
    """Return the standing of the site in this row; None if it has none."""
    query = select(shared_sites).where(shared_sites.c.site_id == row_id)
    row = connection.execute(query.with_for_update() if locks else query).one_or_none()
    return None if row is None else SharedStanding(row.journal, row.changes, row.uploads, row.bytes)


def locked_standing(connection: Connection, row_id: int) -> SharedStanding:
    """Lock the site's row until the end of the transaction; make it if it is missing."""
    found = select_standing(connection, row_id, locks=True)
    if found is not None:
        return found
    values = {"site_id": row_id, "journal": secrets.token_hex(4), "changes": 0, "uploads": 0, "bytes": 0}
    insert = insert_into(connection.dialect.name, shared_sites).values(values)
    connection.execute(insert.on_conflict_do_nothing(index_elements=["site_id"]))  # two hosts at the same moment
    made = select_standing(connection, row_id, locks=True)
    assert made is not None  # noqa: S101  # the row was inserted, here or by the other one
    return made


def next_change(connection: Connection, row_id: int, at: datetime, count: int = 1) -> int:
    """Take numbers for changes, and return the first.

    A number is at least the time in milliseconds. So after a restore of an earlier database, new changes are still
    greater than all that hosts have copied.
    """
    before = locked_standing(connection, row_id).changes
    first = max(before + 1, int(at.timestamp() * _MILLISECONDS))
    of_site = shared_sites.c.site_id == row_id
    connection.execute(update(shared_sites).where(of_site).values(changes=first + count - 1))
    return first


def count_upload(connection: Connection, row_id: int, *, numbers: int, more: int) -> None:
    """Add to the counts of the locked row."""
    values = {"uploads": shared_sites.c.uploads + numbers, "bytes": shared_sites.c.bytes + more}
    connection.execute(update(shared_sites).where(shared_sites.c.site_id == row_id).values(values))
