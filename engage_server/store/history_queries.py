"""The evidence of devices, read and written in batches, inside a transaction that the caller holds."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, Table, delete, select, text
from sqlalchemy.dialects import postgresql, sqlite

from engage_server.records import DeviceHistory, Grade, ReleaseHistory, Sighting
from engage_server.store.interface import Fold, Place
from engage_server.store.tables import device_addresses, device_histories, release_histories

_IN_ONE_QUERY = 400  # SQLite takes no more than some thousand values
_FLAGS = ("is_shared_address", "is_contested")  # kept as small numbers, so that indexes of both databases hold them
_ADVISORY_LOCK = 0x656E67616765  # of PostgreSQL: two hosts at once would overwrite each other's counts


def fold_in(connection: Connection, found: Sequence[Sighting], fold: Fold) -> None:
    """Let the fold make of the batch and of what is known what is to be known from now on."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    of_sites = [sighting for sighting in found if sighting.site is not None]
    serials_at = _note_addresses(connection, of_sites)
    places = {(s.site or "", s.serial or s.address) for s in of_sites} | {(s.site or "", s.address) for s in of_sites}
    places |= {(site, serial) for (site, _), serials in serials_at.items() if len(serials) == 1 for serial in serials}
    numbers = {sighting.release for sighting in of_sites if sighting.release is not None}
    ids, known = _select_known(connection, places, numbers)
    changed = fold(known, serials_at, of_sites)
    _write(connection, ids, changed, known)


def select_history(connection: Connection, site: str | None, identity: str) -> list[DeviceHistory]:
    """One device, in all sites or in one, with all the releases that it met."""
    query = select(device_histories).where(device_histories.c.identity == identity)
    if site is not None:
        query = query.where(device_histories.c.site == site)
    rows = connection.execute(query.order_by(device_histories.c.site)).mappings().all()
    return [replace(history(row), releases=_releases_of(connection, row["id"])) for row in rows]


def history(row: RowMapping | Mapping[str, Any]) -> DeviceHistory:
    """A row of ``device_histories``; without its releases."""
    values = {column.name: row[column.name] for column in device_histories.columns if column.name != "id"}
    flags = {name: bool(values[name]) for name in _FLAGS}
    return DeviceHistory(**values | flags)


def _releases_of(connection: Connection, device_id: int) -> dict[int, ReleaseHistory]:
    rows = connection.execute(select(release_histories).where(release_histories.c.device_id == device_id))
    return {row.release: ReleaseHistory(Grade(row.grade), row.reached_at) for row in rows}


def _note_addresses(connection: Connection, found: Sequence[Sighting]) -> dict[Place, tuple[str, ...]]:
    """Remember from which address which serial number called; the serial numbers of all addresses of the batch."""
    rows: dict[tuple[str, str, str], datetime] = {}
    for sighting in found:
        if sighting.serial is not None:
            rows[sighting.site or "", sighting.address, sighting.serial] = sighting.at
    values = [{"site": a, "address": b, "serial": c, "seen_at": at} for (a, b, c), at in rows.items()]
    _upsert(connection, device_addresses, values, ["address", "site", "serial"], ["serial"])
    serials_at: dict[Place, tuple[str, ...]] = {}
    wanted = {(s.site or "", s.address) for s in found}
    for some in _chunks(address for _, address in wanted):
        for row in connection.execute(select(device_addresses).where(device_addresses.c.address.in_(some))):
            key = row.site, row.address
            if key in wanted:
                serials_at[key] = (*serials_at.get(key, ()), row.serial)
    return serials_at


def _select_known(
    connection: Connection, places: Collection[Place], numbers: Collection[int]
) -> tuple[dict[Place, int], dict[Place, DeviceHistory]]:
    ids: dict[Place, int] = {}
    known: dict[Place, DeviceHistory] = {}
    # not by site, too: a planner that has counted nothing yet would take the index of the site, and read all of it
    for some in _chunks(identity for _, identity in places):
        query = select(device_histories).where(device_histories.c.identity.in_(some))
        rows = [row for row in connection.execute(query).mappings() if (row["site"], row["identity"]) in places]
        releases = _select_releases(connection, [row["id"] for row in rows], numbers)
        for row in rows:
            key = row["site"], row["identity"]
            ids[key] = row["id"]
            known[key] = replace(history(row), releases=releases.get(row["id"], {}))
    return ids, known


def _select_releases(
    connection: Connection, device_ids: Sequence[int], numbers: Collection[int]
) -> dict[int, dict[int, ReleaseHistory]]:
    releases: dict[int, dict[int, ReleaseHistory]] = {}
    if device_ids and numbers:
        columns = release_histories.c
        query = select(release_histories).where(columns.device_id.in_(device_ids), columns.release.in_(numbers))
        for row in connection.execute(query):
            releases.setdefault(row.device_id, {})[row.release] = ReleaseHistory(Grade(row.grade), row.reached_at)
    return releases


def _write(
    connection: Connection,
    ids: Mapping[Place, int],
    changed: Sequence[DeviceHistory],
    known: Mapping[Place, DeviceHistory],
) -> None:
    if not changed:
        return
    values, key = [_row(each) for each in changed], ["identity", "site"]
    returned = _upsert(connection, device_histories, values, key, ["id", "site", "identity"])
    all_ids = {(row.site, row.identity): row.id for row in returned}
    shared = [ids[each.site, each.identity] for each in changed if _is_newly_shared(each, known)]
    if shared:  # what was taken for one device's progress is nobody's
        connection.execute(delete(release_histories).where(release_histories.c.device_id.in_(shared)))
    releases = [
        {"site": each.site, "release": number, "device_id": all_ids[each.site, each.identity], **_reached(reached)}
        for each in changed
        for number, reached in each.releases.items()
        if not each.is_shared_address and not _is_known(known.get((each.site, each.identity)), number, reached)
    ]
    _upsert(connection, release_histories, releases, ["device_id", "release"], ["device_id"])


def _is_newly_shared(now: DeviceHistory, known: Mapping[Place, DeviceHistory]) -> bool:
    before = known.get((now.site, now.identity))
    return now.is_shared_address and before is not None and not before.is_shared_address


def _is_known(before: DeviceHistory | None, number: int, reached: ReleaseHistory) -> bool:
    return before is not None and before.releases.get(number) == reached


def _reached(release: ReleaseHistory) -> dict[str, Any]:
    return {"grade": int(release.grade), "reached_at": release.reached_at}


def _row(of: DeviceHistory) -> dict[str, Any]:
    names = (column.name for column in device_histories.columns)
    flags = {name: int(getattr(of, name)) for name in _FLAGS}
    return {name: getattr(of, name) for name in names if name != "id"} | flags


def _upsert(
    connection: Connection, table: Table, values: Sequence[dict[str, Any]], key: list[str], returning: list[str]
) -> Sequence[Row[Any]]:
    """Insert rows, or replace what is not their key. Asked for a result, SQLAlchemy sends many rows at once."""
    if not values:
        return []
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)
    rest = {name: insert.excluded[name] for name in values[0] if name not in key}
    statement = insert.on_conflict_do_update(index_elements=key, set_=rest)
    return connection.execute(statement.returning(*(table.c[name] for name in returning)), list(values)).all()


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(sorted(set(names)))
    while some := list(islice(rest, _IN_ONE_QUERY)):
        yield some
