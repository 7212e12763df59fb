"""Sightings and the spool's offsets. In the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from engage_server.records import Sighting
from engage_server.store.database.batches import insert_all
from engage_server.store.interface import SpoolPart
from engage_server.store.tables import sightings, spool_offsets

MOST_AT_ONCE = 5000  # sightings that one transaction removes
_NAMES_IN_ONE_QUERY = 500  # SQLite accepts only some thousand values


def advance(connection: Connection, segment: str, begin: int, end: int, at: datetime) -> bool:
    """Advance a spool file's offset. False if it is not where the caller expects it."""
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
    except IntegrityError:  # another process has begun the file
        return False
    return True


def advance_all(connection: Connection, parts: Sequence[SpoolPart], at: datetime) -> set[str]:
    """Advance the offsets of these parts, always in one order: two that do it cannot wait for each other.

    Return the files whose offset was advanced.
    """
    in_order = sorted(parts, key=attrgetter("segment"))
    return {each.segment for each in in_order if advance(connection, each.segment, each.begin, each.end, at)}


def by_time(parts: Sequence[SpoolPart]) -> Sequence[Sighting]:
    """Return the sightings of several files in the order of their time. Those of one file keep their order."""
    if len(parts) == 1:
        return parts[0].sightings
    return sorted(chain.from_iterable(part.sightings for part in parts), key=attrgetter("at"))


def insert_sightings(connection: Connection, found: Sequence[Sighting]) -> None:
    """Add all of them."""
    insert_all(connection, sightings, _NAMES, [_row(sighting) for sighting in found])


def select_offsets(connection: Connection, segments: Sequence[str]) -> dict[str, int]:
    """Return the offsets of those files that have one."""
    found: dict[str, int] = {}
    for first in range(0, len(segments), _NAMES_IN_ONE_QUERY):
        some = segments[first : first + _NAMES_IN_ONE_QUERY]
        rows = connection.execute(select(spool_offsets).where(spool_offsets.c.segment.in_(some)))
        found.update({row.segment: row.offset for row in rows})
    return found


def select_disregarded(connection: Connection, serial: str, site: str) -> dict[str, int]:
    """Count the sightings with a serial number that count for nothing, by reason."""
    columns = sightings.c
    query = (
        select(columns.disregarded, func.count())
        .where(columns.serial == serial, columns.site == site, columns.disregarded != "")
        .group_by(columns.disregarded)
    )
    return {reason: int(count) for reason, count in connection.execute(query)}


def delete_before(connection: Connection, before: datetime) -> int:
    """Remove older sightings, :data:`MOST_AT_ONCE` at most. Return how many there were."""
    oldest = select(sightings.c.id).where(sightings.c.at < before).order_by(sightings.c.at).limit(MOST_AT_ONCE)
    removed = connection.execute(delete(sightings).where(sightings.c.id.in_(oldest))).rowcount
    if removed < MOST_AT_ONCE:
        connection.execute(delete(spool_offsets).where(spool_offsets.c.changed_at < before))
    return int(removed)


_NAMES = tuple(column.name for column in sightings.columns if column.name != "id")  # each an attribute of a sighting
_row = attrgetter(*_NAMES)
