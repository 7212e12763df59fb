"""Sightings and the spool's offsets, inside a transaction that the caller holds."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from engage_server.records import Sighting
from engage_server.store.database.batches import insert_all
from engage_server.store.tables import sightings, spool_offsets

MOST_AT_ONCE = 5000  # sightings that one transaction removes
_NAMES_IN_ONE_QUERY = 500  # SQLite takes no more than some thousand values


def advance(connection: Connection, segment: str, begin: int, end: int, at: datetime) -> bool:
    """Move a spool file's offset on; False when it does not stand where the caller believes."""
    moved = connection.execute(
        update(spool_offsets)
        .where(spool_offsets.c.segment == segment, spool_offsets.c.offset == begin)
        .values(offset=end, changed_at=at)
    )
    if moved.rowcount == 1:
        return True
    if begin != 0:
        return False
    try:
        with connection.begin_nested():
            connection.execute(spool_offsets.insert().values(segment=segment, offset=end, changed_at=at))
    except IntegrityError:  # it was begun already
        return False
    return True


def insert_sightings(connection: Connection, found: Sequence[Sighting]) -> None:
    """Add them all."""
    insert_all(connection, sightings, _NAMES, [_row(sighting) for sighting in found])


def select_offsets(connection: Connection, segments: Sequence[str]) -> dict[str, int]:
    """The offsets of those files that have one."""
    found: dict[str, int] = {}
    for first in range(0, len(segments), _NAMES_IN_ONE_QUERY):
        some = segments[first : first + _NAMES_IN_ONE_QUERY]
        rows = connection.execute(select(spool_offsets).where(spool_offsets.c.segment.in_(some)))
        found.update({row.segment: row.offset for row in rows})
    return found


def select_disregarded(connection: Connection, serial: str, site: str) -> dict[str, int]:
    """How many sightings with a serial number count for nothing, by the reason."""
    columns = sightings.c
    query = (
        select(columns.disregarded, func.count())
        .where(columns.serial == serial, columns.site == site, columns.disregarded != "")
        .group_by(columns.disregarded)
    )
    return {reason: int(count) for reason, count in connection.execute(query)}


def delete_before(connection: Connection, before: datetime) -> int:
    """Remove what is older, :data:`MOST_AT_ONCE` sightings at most; how many there were."""
    oldest = select(sightings.c.id).where(sightings.c.at < before).order_by(sightings.c.at).limit(MOST_AT_ONCE)
    removed = connection.execute(delete(sightings).where(sightings.c.id.in_(oldest))).rowcount
    if removed < MOST_AT_ONCE:
        connection.execute(delete(spool_offsets).where(spool_offsets.c.changed_at < before))
    return int(removed)


_NAMES = tuple(column.name for column in sightings.columns if column.name != "id")  # each an attribute of a sighting
_row = attrgetter(*_NAMES)
