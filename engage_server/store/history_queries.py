"""The evidence of devices, read and written in batches, inside a transaction that the caller holds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, text

from engage_server.records import DeviceHistory, Grade, ReleaseHistory, Sighting
from engage_server.store.batches import chunks, upsert
from engage_server.store.caller_queries import forget_caller, note_callers
from engage_server.store.interface import Fold, Place
from engage_server.store.tables import device_histories, release_histories

_NAMES = tuple(column.name for column in device_histories.columns if column.name != "id")
_FLAGS = ("is_shared_address", "is_contested")  # kept as small numbers, so that indexes of both databases hold them
_ADVISORY_LOCK = 0x656E67616765  # of PostgreSQL: two hosts at once would overwrite each other's counts


def fold_in(connection: Connection, found: Sequence[Sighting], fold: Fold, at: datetime) -> None:
    """Let the fold make of the batch and of what is known what is to be known from now on."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    counted = [sighting for sighting in found if sighting.site is not None and not sighting.disregarded]
    serials_at = note_callers(connection, counted)
    places = {(s.site or "", s.serial or s.address) for s in counted} | {(s.site or "", s.address) for s in counted}
    places |= {(site, serial) for (site, _), serials in serials_at.items() if len(serials) == 1 for serial in serials}
    numbers = {sighting.release for sighting in counted if sighting.release is not None}
    ids, known = _select_known(connection, places, numbers)
    changed = fold(known, serials_at, counted, at)
    _write(connection, ids, changed, known)


def select_history(connection: Connection, site: str | None, identity: str) -> list[DeviceHistory]:
    """One device, in all sites or in one, with all the releases that it met."""
    query = select(device_histories).where(device_histories.c.identity == identity)
    if site is not None:
        query = query.where(device_histories.c.site == site)
    rows = connection.execute(query.order_by(device_histories.c.site)).mappings().all()
    return [replace(history(row), releases=_releases_of(connection, row["id"])) for row in rows]


def delete_history(connection: Connection, site: str | None, identity: str) -> list[str]:
    """Remove what is known of one device, in all sites or in one; the sites in which there was something."""
    wanted = device_histories.c.identity == identity
    if site is not None:
        wanted &= device_histories.c.site == site
    rows = connection.execute(select(device_histories.c.id, device_histories.c.site).where(wanted)).all()
    ids = [row.id for row in rows]
    connection.execute(delete(release_histories).where(release_histories.c.device_id.in_(ids)))
    connection.execute(delete(device_histories).where(device_histories.c.id.in_(ids)))
    forget_caller(connection, site, identity)
    return sorted(row.site for row in rows)


def has_authenticated(connection: Connection, site: str) -> bool:
    """Whether any device of a site ever proved itself by a token."""
    columns = device_histories.c
    query = select(columns.id).where(columns.site == site, columns.authenticated_nights > 0).limit(1)
    return connection.scalar(query) is not None


def history(row: RowMapping | Mapping[str, Any]) -> DeviceHistory:
    """A row of ``device_histories``; without its releases."""
    values = {name: row[name] for name in _NAMES}
    flags = {name: bool(values[name]) for name in _FLAGS}
    return DeviceHistory(**values | flags)


def _releases_of(connection: Connection, device_id: int) -> dict[int, ReleaseHistory]:
    rows = connection.execute(select(release_histories).where(release_histories.c.device_id == device_id))
    return {row.release: ReleaseHistory(Grade(row.grade), row.reached_at) for row in rows}


def _select_known(
    connection: Connection, places: Collection[Place], numbers: Collection[int]
) -> tuple[dict[Place, int], dict[Place, DeviceHistory]]:
    ids: dict[Place, int] = {}
    known: dict[Place, DeviceHistory] = {}
    # not by site, too: a planner that has counted nothing yet would take the index of the site, and read all of it
    for some in chunks(identity for _, identity in places):
        query = select(device_histories).where(device_histories.c.identity.in_(some))
        rows = [row for row in connection.execute(query).mappings() if (row["site"], row["identity"]) in places]
        # those of the batch, and those that a device reached elsewhere and brings along when it moves
        wanted = {*numbers, *(row["away_release"] for row in rows if row["away_release"])}
        releases = _select_releases(connection, [row["id"] for row in rows], wanted)
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
    returned = upsert(connection, device_histories, values, key, ["id", "site", "identity"])
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
    upsert(connection, release_histories, releases, ["device_id", "release"], ["device_id"])


def _is_newly_shared(now: DeviceHistory, known: Mapping[Place, DeviceHistory]) -> bool:
    before = known.get((now.site, now.identity))
    return now.is_shared_address and before is not None and not before.is_shared_address


def _is_known(before: DeviceHistory | None, number: int, reached: ReleaseHistory) -> bool:
    return before is not None and before.releases.get(number) == reached


def _reached(release: ReleaseHistory) -> dict[str, Any]:
    return {"grade": int(release.grade), "reached_at": release.reached_at}


def _row(of: DeviceHistory) -> dict[str, Any]:
    flags = {name: int(getattr(of, name)) for name in _FLAGS}
    return {name: getattr(of, name) for name in _NAMES} | flags
