"""Pages of the sightings of one device, of a site's releases and rotations, and of sites."""

from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, literal, select, tuple_

from engage_server.records import Page, Release, Rotation, Sighting, SightingKind, Site
from engage_server.store.interface.pages import Home
from engage_server.store.paging.cursors import Question, cursor_of, invalid, key_of
from engage_server.store.queries import rotation_queries
from engage_server.store.queries.release_queries import select_below
from engage_server.store.queries.site_queries import select_added_after
from engage_server.store.tables import UNNAMED, UtcDateTime, sightings

MOST_EXAMINED = 2000  # sightings that a page for one site looks at

_seen = sightings.c
_SITES = Question("sites", (), (int,))


def select_sightings(
    connection: Connection, serial: str, site: str | None, cursor: str | None, limit: int, home: Home | None = None
) -> Page[Sighting]:
    """Return one page of the sightings of a serial number, newest first, with those of its home that name no device.

    Raises:
        UsageError: The cursor is of another question.
    """
    question = Question("sightings", (serial, str(site is None), site or ""), (str, int))
    key = key_of(question, cursor)
    most = limit + 1 if site is None else max(limit + 1, MOST_EXAMINED)
    window = list(connection.execute(_newest_first(_seen.serial == serial, key, most)))
    if home is not None:
        there = and_(UNNAMED, _seen.address == home.address, _seen.at >= home.since)
        window += connection.execute(_newest_first(there, key, most)).all()
        window = sorted(window, key=attrgetter("at", "id"), reverse=True)[:most]
    fitting = [row for row in window if site is None or row.site == site]
    last = fitting[limit - 1] if len(fitting) > limit else window[-1] if len(window) == most else None
    following = None if last is None else cursor_of(question, (last.at.isoformat(), last.id))
    return Page(tuple(map(_sighting, fitting[:limit])), following)


def select_releases(connection: Connection, site: str, cursor: str | None, limit: int) -> Page[Release]:
    """Return one page of a site's releases, newest first.

    Raises:
        NotFound: There is no such site.
        UsageError: The cursor is of another question.
    """
    question = Question("releases", (site,), (int,))
    key = key_of(question, cursor)
    found = select_below(connection, site, int(key[0]) if key else None, limit + 1)
    if len(found) <= limit:
        return Page(found)
    return Page(found[:limit], cursor_of(question, (found[limit - 1].number,)))


def select_rotations(connection: Connection, site: str, cursor: str | None, limit: int) -> Page[Rotation]:
    """Return one page of a site's rotations, newest first.

    Raises:
        NotFound: There is no such site.
        UsageError: The cursor is of another question.
    """
    question = Question("rotations", (site,), (int,))
    key = key_of(question, cursor)
    found = rotation_queries.select_below(connection, site, int(key[0]) if key else None, limit + 1)
    if len(found) <= limit:
        return Page(found)
    return Page(found[:limit], cursor_of(question, (found[limit - 1].number,)))


def select_sites(connection: Connection, cursor: str | None, limit: int) -> Page[Site]:
    """Return one page of sites, in the order in which they were added.

    Raises:
        UsageError: The cursor is of another question.
    """
    key = key_of(_SITES, cursor)
    found = select_added_after(connection, int(key[0]) if key else 0, limit + 1)
    sites = tuple(site for _, site in found[:limit])
    return Page(sites, cursor_of(_SITES, (found[limit - 1][0],)) if len(found) > limit else None)


def _newest_first(wanted: ColumnElement[bool], key: tuple[int | str, ...] | None, most: int) -> Select[Any]:
    query = select(sightings).where(wanted)
    if key is not None:
        at, row_id = literal(_time(key[0]), UtcDateTime), literal(key[1], _seen.id.type)
        query = query.where(tuple_(_seen.at, _seen.id) < tuple_(at, row_id))
    return query.order_by(_seen.at.desc(), _seen.id.desc()).limit(most)


def _time(text: int | str) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise invalid() from None


def _sighting(row: Row[Any]) -> Sighting:
    values = dict(row._mapping)
    del values["id"]
    return Sighting(**values | {"kind": SightingKind(values["kind"])})
