"""What devices uploaded, and their last words, in rows. In the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, union, update

from engage_server.errors import NotPossible
from engage_server.store.database.dialects import insert_into
from engage_server.store.interface.shared_files import (
    REMOVED,
    SharedHead,
    SharedReport,
    SharedUpload,
    UploadFold,
    UploadKey,
    UploadLimits,
)
from engage_server.store.queries.worker_queries import database_now
from engage_server.store.shared_files.sealed_contents import ContentSeal, what_of_report, what_of_upload
from engage_server.store.shared_files.site_rows import count_upload, locked_standing
from engage_server.store.shared_files.tables import shared_files, shared_reports, shared_uploads

_COMPARED, _COMPARED_BYTES = 64, 256 * 1024  # of earlier uploads: their events may come again
_MIB = 1024 * 1024
_U, _R, _F = shared_uploads.c, shared_reports.c, shared_files.c
_REPORT = (_R.serial, _R.kind, _R.at, _R.version, _R.content_sealed)


def add(
    connection: Connection,
    row_id: int,
    key: UploadKey,
    fold: UploadFold,
    limits: UploadLimits,
    seal: ContentSeal,
) -> bool:
    """Store an upload, or what comes of one that is stored. Return whether it is new."""
    standing = locked_standing(connection, row_id)
    of_kind = (*_of_device(row_id, key.serial), _U.collection == key.collection)
    of_same = select(_U.id, _U.length, _U.digest, _U.content_sealed).where(*of_kind, _U.digest == key.digest)
    before = connection.execute(of_same).first()
    if before is not None:
        content = fold(_opened(seal, row_id, key.serial, key.collection, before), ())
        if content is not None:
            values = {"content_sealed": _sealed(seal, row_id, key, content), "length": len(content)}
            connection.execute(update(shared_uploads).where(_U.id == before.id).values(values))
            count_upload(connection, row_id, numbers=0, more=len(content) - before.length)
        return False
    content = fold(None, _newest(connection, row_id, key, of_kind, seal))
    if content is None:
        return False
    _assert_room(connection, row_id, key, standing.bytes, len(content), limits)
    _insert(connection, row_id, key, content, standing.uploads + 1, seal)
    count_upload(connection, row_id, numbers=1, more=len(content))
    return True


def add_imported(connection: Connection, row_id: int, uploads: Mapping[UploadKey, bytes], seal: ContentSeal) -> int:
    """Add those of these uploads that are not stored, without numbers. Return how many."""
    locked_standing(connection, row_id)
    added = 0
    for key, content in uploads.items():
        of_kind = (*_of_device(row_id, key.serial), _U.collection == key.collection)
        if connection.scalar(select(_U.id).where(*of_kind, _U.digest == key.digest)) is None:
            _insert(connection, row_id, key, content, None, seal)
            count_upload(connection, row_id, numbers=0, more=len(content))
            added += 1
    return added


def select_after(
    connection: Connection, row_id: int, number: int, limit: int, most_bytes: int, seal: ContentSeal
) -> Sequence[SharedUpload]:
    """Return the uploads with a greater number, by number."""
    wanted = and_(_U.site_id == row_id, _U.number > number)
    return _page(connection, wanted, _U.number, limit, most_bytes, seal)


def select_of_device(
    connection: Connection,
    row_id: int,
    serial: str,
    collection: str,
    after: int,
    limit: int,
    most_bytes: int,
    seal: ContentSeal,
) -> Sequence[SharedUpload]:
    """Return the uploads of a device after a row."""
    wanted = and_(*_of_device(row_id, serial), _U.collection == collection, _U.id > after)
    return _page(connection, wanted, _U.id, limit, most_bytes, seal)


def select_bytes(connection: Connection, row_id: int, serial: str) -> Mapping[str, int]:
    """Return how many bytes the uploads of a device have, by collection."""
    query = select(_U.collection, func.sum(_U.length).label("bytes")).where(*_of_device(row_id, serial))
    return {row.collection: int(row.bytes) for row in connection.execute(query.group_by(_U.collection))}


def put_report(connection: Connection, row_id: int, report: SharedReport, seal: ContentSeal) -> None:
    """Store a device's word, unless a later one is stored.

    No word is of later than now: a host whose clock was ahead would else have the last one for years.
    """
    now = database_now(connection)
    sealed = seal.seal(row_id, report.serial, what_of_report(report.kind), report.content)
    values = {"serial": report.serial, "kind": report.kind, "at": min(report.at, now), "version": report.version}
    insert = insert_into(connection.dialect.name, shared_reports)
    insert = insert.values(site_id=row_id, content_sealed=sealed, **values)
    changed = {name: insert.excluded[name] for name in ("at", "version", "content_sealed")}
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["site_id", "serial", "kind"],
            set_=changed,
            where=or_(_R.at <= insert.excluded["at"], _R.at > now),
        )
    )


def select_report(
    connection: Connection, row_id: int, serial: str, kind: str, seal: ContentSeal
) -> SharedReport | None:
    """Return a device's last word of this kind."""
    query = select(*_REPORT).where(_R.site_id == row_id, _R.serial == serial, _R.kind == kind)
    row = connection.execute(query).one_or_none()
    return None if row is None else _report(row_id, row, seal)


def select_serials(connection: Connection, row_id: int, after: str, limit: int) -> list[str]:
    """Return devices of which anything is stored, by serial number."""
    files = select(_F.serial).where(_F.site_id == row_id, _F.serial > after, _F.kind != REMOVED)
    parts = [files] + [
        select(table.c.serial).where(table.c.site_id == row_id, table.c.serial > after)
        for table in (shared_uploads, shared_reports)
    ]
    # each part for itself is short, so that a page costs a page
    short = [select(part.distinct().order_by("serial").limit(limit).subquery().c.serial) for part in parts]
    found = union(*short).subquery()
    return list(connection.scalars(select(found.c.serial).order_by(found.c.serial).limit(limit)))


def select_unfetched(
    connection: Connection, row_id: int, after: str, limit: int, seal: ContentSeal
) -> list[tuple[SharedHead, SharedReport | None]]:
    """Return current databases that their devices were not given last."""
    head = (_F.serial, _F.kind, _F.version, _F.change, _F.digest, _F.length, _F.put_at, _F.is_current)
    of_report = and_(_R.site_id == row_id, _R.serial == _F.serial, _R.kind == "given")
    query = (
        select(*head, _R.at, _R.version.label("given"), _R.content_sealed)
        .select_from(shared_files.outerjoin(shared_reports, of_report))
        .where(_F.site_id == row_id, _F.kind == "database", _F.is_current, _F.serial > after)
        .where(or_(_R.version.is_(None), _R.version != _F.version))
    )
    found = []
    for row in connection.execute(query.order_by(_F.serial).limit(limit)):
        values = SharedHead(*(getattr(row, column.name) for column in head))
        given = None
        if row.at is not None:
            content = seal.open(row_id, row.serial, what_of_report("given"), bytes(row.content_sealed))
            given = SharedReport(row.serial, "given", row.at, row.given, content)
        found.append((values, given))
    return found


def _insert(
    connection: Connection,
    row_id: int,
    key: UploadKey,
    content: bytes,
    number: int | None,
    seal: ContentSeal,
) -> None:
    values: dict[str, Any] = {"serial": key.serial, "collection": key.collection, "digest": key.digest}
    sealed = _sealed(seal, row_id, key, content)
    values |= {"number": number, "length": len(content), "content_sealed": sealed}
    values["stored_at"] = database_now(connection)
    connection.execute(shared_uploads.insert().values(site_id=row_id, **values))


def _newest(
    connection: Connection, row_id: int, key: UploadKey, of_kind: tuple[ColumnElement[bool], ...], seal: ContentSeal
) -> list[bytes]:
    """The newest uploads of a device and kind, oldest first."""
    lengths = connection.execute(select(_U.id, _U.length).where(*of_kind).order_by(_U.id.desc()).limit(_COMPARED))
    wanted, total = list[int](), 0
    for row in lengths:
        total += row.length
        if total > _COMPARED_BYTES:
            break
        wanted.append(row.id)
    if not wanted:
        return []
    query = select(_U.digest, _U.content_sealed).where(_U.id.in_(wanted)).order_by(_U.id)
    return [_opened(seal, row_id, key.serial, key.collection, each) for each in connection.execute(query)]


def _sealed(seal: ContentSeal, row_id: int, key: UploadKey, content: bytes) -> bytes:
    return seal.seal(row_id, key.serial, what_of_upload(key.collection, key.digest), content)


def _opened(seal: ContentSeal, row_id: int, serial: str, collection: str, row: Any) -> bytes:
    return seal.open(row_id, serial, what_of_upload(collection, row.digest), bytes(row.content_sealed))


def _assert_room(
    connection: Connection, row_id: int, key: UploadKey, of_site: int, more: int, limits: UploadLimits
) -> None:
    of_device = sum(select_bytes(connection, row_id, key.serial).values())
    for used, limit, what, setting in (
        (of_device, limits.device, f"uploads of {key.serial} in the database", "device_disk_mib"),
        (of_site, limits.site, "uploads of the site in the database", "site_disk_mib"),
    ):
        if used + more > limit:
            raise NotPossible(
                f"{what} fill their {limit // _MIB} MiB (setting {setting})",
                f"Find out what sends so much. Or raise the setting {setting}.",
                code="device.full",
            )


def _page(
    connection: Connection,
    wanted: ColumnElement[bool],
    order: ColumnElement[Any],
    limit: int,
    most_bytes: int,
    seal: ContentSeal,
) -> list[SharedUpload]:
    rows, total = list[int](), 0
    for row in connection.execute(select(_U.id, _U.length).where(wanted).order_by(order).limit(limit)):
        total += row.length
        if rows and total > most_bytes:
            break
        rows.append(row.id)
    query = select(shared_uploads).where(_U.id.in_(rows)).order_by(order)
    return [_upload(row, seal) for row in (connection.execute(query) if rows else ())]


def _upload(row: Any, seal: ContentSeal) -> SharedUpload:
    content = _opened(seal, row.site_id, row.serial, row.collection, row)
    return SharedUpload(row.id, row.number, row.serial, row.collection, content)


def _of_device(row_id: int, serial: str) -> tuple[ColumnElement[bool], ...]:
    return _U.site_id == row_id, _U.serial == serial


def _report(row_id: int, row: Any, seal: ContentSeal) -> SharedReport:
    content = seal.open(row_id, row.serial, what_of_report(row.kind), bytes(row.content_sealed))
    return SharedReport(row.serial, row.kind, row.at, row.version, content)
