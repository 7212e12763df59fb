"""Events of links, and their standings. In the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, delete, or_, select, text, update

from engage_server.records import LinkStanding, PathEvent, PathSays, StoredPathEvent
from engage_server.store.database.dialects import insert_into
from engage_server.store.interface import PathFold
from engage_server.store.link_tables import link_standings, path_events
from engage_server.store.links.standing_rows import read_standing, standing_row

_FOLD_LOCK = 0x656E67616768  # for PostgreSQL: two hosts at once would overwrite each other's standings
MOST_AT_ONCE = 5000


def insert_events(connection: Connection, events: Sequence[PathEvent]) -> None:
    """Add events, but none whose key its link has already."""
    if not events:
        return
    # no column named, and no id returned: PostgreSQL would then want the right to read, which the ingress has not
    insert = insert_into(connection.dialect.name, path_events).on_conflict_do_nothing().inline()
    connection.execute(insert, [_event_row(event) for event in events])


def fold_events(connection: Connection, fold: PathFold, limit: int) -> int:
    """Fold the oldest events that are not folded yet. Return how many."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FOLD_LOCK})
    query = select(path_events).where(~path_events.c.is_folded).order_by(path_events.c.id).limit(limit)
    rows = connection.execute(query).all()
    if not rows:
        return 0
    links = {row.link for row in rows}
    known = {each.link: each for each in select_standings(connection, None) if each.link in links}
    found = fold(known, [_event(row) for row in rows])
    for link, standing in found.standings.items():
        connection.execute(delete(link_standings).where(link_standings.c.link == link))
        connection.execute(link_standings.insert().values(**standing_row(standing)))
    needless = [row.id for place, row in enumerate(rows) if place in found.needless]
    if needless:
        connection.execute(delete(path_events).where(path_events.c.id.in_(needless)))
    folded = update(path_events).where(path_events.c.id == bindparam("number")).values(is_folded=True)
    connection.execute(folded, [{"number": row.id} for row in rows])
    return len(rows)


def select_events(
    connection: Connection, site: str | None, link: str | None, since: datetime | None, limit: int
) -> list[StoredPathEvent]:
    """Return the newest events, newest first."""
    query = select(path_events)
    if site is not None:
        query = query.where(path_events.c.site == site)
    if link is not None:
        query = query.where(path_events.c.link == link)
    if since is not None:
        query = query.where(path_events.c.at >= since)
    newest_first = query.order_by(path_events.c.at.desc(), path_events.c.id.desc()).limit(limit)
    return [StoredPathEvent(row.id, _event(row)) for row in connection.execute(newest_first)]


def select_standings(connection: Connection, site: str | None) -> list[LinkStanding]:
    """Return the standings of all links, or of those that lead or led to one site, as they are seen from there."""
    query = select(link_standings).order_by(link_standings.c.link)
    if site is None:
        return [read_standing(row) for row in connection.execute(query)]
    leads = or_(link_standings.c.site == site, link_standings.c.former_site == site)
    return [read_standing(row).seen_from(site) for row in connection.execute(query.where(leads))]


def rename_site(connection: Connection, name: str, new: str) -> None:
    """Give a site another name in the standings of the links that lead or led to it."""
    touched = or_(link_standings.c.site == name, link_standings.c.former_site == name)
    for row in connection.execute(select(link_standings).where(touched)).all():
        values = standing_row(read_standing(row).with_site_renamed(name, new))
        connection.execute(update(link_standings).where(link_standings.c.link == row.link).values(**values))


def delete_before(connection: Connection, before: datetime) -> int:
    """Remove older events that are folded, :data:`MOST_AT_ONCE` at most. Return how many there were."""
    old = (path_events.c.at < before) & path_events.c.is_folded
    oldest = select(path_events.c.id).where(old).order_by(path_events.c.at).limit(MOST_AT_ONCE)
    return int(connection.execute(delete(path_events).where(path_events.c.id.in_(oldest))).rowcount)


def delete_removed(connection: Connection, before: datetime) -> None:
    """Forget the links that were removed before this time: no event of theirs can come any more."""
    columns = link_standings.c
    again = columns.registered_at.is_not(None) & (columns.registered_at >= columns.removed_at)
    connection.execute(delete(link_standings).where((columns.removed_at < before) & ~again))


def _event_row(event: PathEvent) -> dict[str, object]:
    return {
        "site": event.site,
        "link": event.link,
        "at": event.at,
        "kind": event.kind,
        "says": event.says.value,
        "detail": dict(event.detail),
        "key": event.key or None,
    }


def _event(row: Row[tuple[object, ...]]) -> PathEvent:
    return PathEvent(row.site, row.link, row.at, row.kind, PathSays(row.says), row.detail, row.key or "")
