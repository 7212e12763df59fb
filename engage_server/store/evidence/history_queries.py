"""The evidence of devices, read and written in batches. In the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, union

from engage_server.records import DeviceHistory, Grade, ReleaseHistory, Sighting
from engage_server.records.history import changed
from engage_server.store.database.batches import chunks, one_of, upsert
from engage_server.store.evidence import standing
from engage_server.store.evidence.caller_queries import forget_caller, note_callers
from engage_server.store.evidence.history_rows import (
    SELECTED,
    Known,
    Times,
    history,
    insert_rows,
    known_rows,
    update_rows,
)
from engage_server.store.evidence.standing import Standing
from engage_server.store.interface import Fold, Place
from engage_server.store.tables import device_histories, devices, release_histories, sites

_KEY_OF_RELEASE = ("device_id", "release")
_RELEASE_NAMES = *_KEY_OF_RELEASE, "site", "grade", "reached_at"
_GRADES = {grade.value: grade for grade in Grade}


def fold_in(connection: Connection, found: Sequence[Sighting], fold: Fold, at: datetime) -> None:
    """Let the fold combine the batch with what is known, and store the result."""
    standing.hold(connection)
    standing.by_index(connection)
    counted = [sighting for sighting in found if sighting.site is not None and not sighting.disregarded]
    serials_at = note_callers(connection, counted)
    places = {(s.site or "", s.serial or s.address) for s in counted} | {(s.site or "", s.address) for s in counted}
    places |= {(site, serial) for (site, _), serials in serials_at.items() if len(serials) == 1 for serial in serials}
    numbers = {sighting.release for sighting in counted if sighting.release is not None}
    known = _select_known(connection, places, numbers)
    before = {place: each.history for place, each in known.items()}
    _write(connection, fold(before, serials_at, counted, at), known)


def select_history(connection: Connection, site: str | None, identity: str) -> list[DeviceHistory]:
    """Return one device, in all sites or in one, with all the releases that it met."""
    query = select(device_histories).where(device_histories.c.identity == identity)
    if site is not None:
        query = query.where(device_histories.c.site == site)
    rows = connection.execute(query.order_by(device_histories.c.site)).mappings().all()
    return [changed(history(row), releases=_releases_of(connection, row["id"])) for row in rows]


def select_known_devices(connection: Connection, beginning: str, site: str | None, limit: int) -> list[str]:
    """Return devices that begin with a text, from lists and from evidence."""
    listed = select(devices.c.serial.label("identity")).where(devices.c.serial.startswith(beginning, autoescape=True))
    seen = select(device_histories.c.identity).where(device_histories.c.identity.startswith(beginning, autoescape=True))
    if site is not None:
        listed = listed.join(sites, sites.c.id == devices.c.site_id).where(sites.c.name == site)
        seen = seen.where(device_histories.c.site == site)
    both = union(listed, seen).subquery()
    return list(connection.scalars(select(both.c.identity).order_by(both.c.identity).limit(limit)))


def delete_history(connection: Connection, site: str | None, identity: str) -> list[str]:
    """Remove what is known about one device, in all sites or in one. Return the sites where something was known."""
    standing.hold(connection)
    wanted = device_histories.c.identity == identity
    if site is not None:
        wanted &= device_histories.c.site == site
    rows = connection.execute(select(device_histories.c.id, device_histories.c.site).where(wanted)).all()
    ids = [row.id for row in rows]
    connection.execute(delete(release_histories).where(release_histories.c.device_id.in_(ids)))
    connection.execute(delete(device_histories).where(device_histories.c.id.in_(ids)))
    forget_caller(connection, site, identity)
    standing.refresh(connection, [identity])
    return sorted(row.site for row in rows)


def has_authenticated(connection: Connection, site: str) -> bool:
    """Whether any device of a site ever proved its identity with a token."""
    columns = device_histories.c
    query = select(columns.id).where(columns.site == site, columns.authenticated_nights > 0).limit(1)
    return connection.scalar(query) is not None


def _releases_of(connection: Connection, device_id: int) -> dict[int, ReleaseHistory]:
    rows = connection.execute(select(release_histories).where(release_histories.c.device_id == device_id))
    return {row.release: ReleaseHistory(Grade(row.grade), row.reached_at) for row in rows}


def _select_known(connection: Connection, places: Collection[Place], numbers: Collection[int]) -> dict[Place, Known]:
    known: dict[Place, Known] = {}
    times = Times()
    # Not by site, too: a planner without statistics would use the index of the site, and read all of it.
    for some in chunks((identity for _, identity in places), connection):
        query = SELECTED.where(one_of(connection, device_histories.c.identity, some))
        rows = [row for row in connection.execute(query).all() if (row.site, row.identity) in places]
        # the batch's releases, and those that a device reached elsewhere and brings along when it moves
        wanted = {*numbers, *(row.away_release for row in rows if row.away_release)}
        releases = _select_releases(connection, [row.id for row in rows], wanted)
        known.update(known_rows(rows, releases, times))
    return known


def _select_releases(
    connection: Connection, device_ids: Sequence[int], numbers: Collection[int]
) -> dict[int, dict[int, ReleaseHistory]]:
    releases: dict[int, dict[int, ReleaseHistory]] = {}
    if device_ids and numbers:
        columns = release_histories.c
        query = select(columns.device_id, columns.release, columns.grade, columns.reached_at).where(
            one_of(connection, columns.device_id, device_ids), one_of(connection, columns.release, list(numbers))
        )
        for device_id, release, grade, at in connection.execute(query):
            releases.setdefault(device_id, {})[release] = ReleaseHistory(_GRADES[grade], at)
    return releases


def _write(connection: Connection, after: Sequence[DeviceHistory], known: Mapping[Place, Known]) -> None:
    changes = [(known[place], each) for each in after if (place := _place(each)) in known]
    changes.sort(key=lambda change: change[0].id)  # always in one order: nobody else can hold what this one waits for
    new = {place: each for each in sorted(after, key=_place) if (place := _place(each)) not in known}
    _update(connection, changes)
    ids = {_place(each): row.id for row, each in changes} | _insert(connection, new)
    shared = [row.id for row, now in changes if now.is_shared_address and not row.history.is_shared_address]
    if shared:  # the progress was recorded for one device, but belongs to several
        connection.execute(delete(release_histories).where(release_histories.c.device_id.in_(shared)))
    releases = [
        (ids[place], number, each.site, int(reached.grade), reached.reached_at)
        for each in after
        for number, reached in each.releases.items()
        if not each.is_shared_address and not _is_known(known.get(place := _place(each)), number, reached)
    ]
    upsert(connection, release_histories, _RELEASE_NAMES, _KEY_OF_RELEASE, releases)


def _update(connection: Connection, changes: Sequence[tuple[Known, DeviceHistory]]) -> None:
    """Change rows that exist. Whether a device is listed is asked only of rows that do not say it themselves."""
    visitors = [(row.history.site, row.history.identity) for row, _ in changes if row.standing == Standing.VISITOR]
    listed = standing.select_listed(connection, visitors)
    listed |= {(row.history.site, row.history.identity) for row, _ in changes if row.standing == Standing.LISTED}
    update_rows(
        connection,
        [
            (row, now, standing.standing_of(now, is_listed=(now.site, now.identity) in listed).value)
            for row, now in changes
        ],
    )


def _insert(connection: Connection, new: Mapping[Place, DeviceHistory]) -> dict[Place, int]:
    """Add rows. Return their ids."""
    listed = standing.select_listed(connection, new)
    insert_rows(
        connection,
        [(each, standing.standing_of(each, is_listed=place in listed).value) for place, each in new.items()],
    )
    standing.note_seen(connection, (serial for _, serial in listed))
    return _select_ids(connection, new)


def _select_ids(connection: Connection, places: Collection[Place]) -> dict[Place, int]:
    columns, found = device_histories.c, {}
    for some in chunks((identity for _, identity in places), connection):
        query = select(columns.id, columns.site, columns.identity).where(one_of(connection, columns.identity, some))
        found.update({(site, identity): number for number, site, identity in connection.execute(query)})
    return found


def _place(of: DeviceHistory) -> Place:
    return of.site, of.identity


def _is_known(before: Known | None, number: int, reached: ReleaseHistory) -> bool:
    return before is not None and before.history.releases.get(number) == reached
