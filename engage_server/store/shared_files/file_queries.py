"""What operators give to devices, in rows. In the caller's transaction."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from engage_server.store.interface.shared_files import REMOVED, SharedDraft, SharedHead
from engage_server.store.shared_files.sealed_contents import ContentSeal, what_of_file
from engage_server.store.shared_files.site_rows import count_upload, locked_standing, next_change, select_standing
from engage_server.store.shared_files.tables import (
    shared_files,
    shared_readers,
    shared_reports,
    shared_sites,
    shared_uploads,
)

_MOST_BYTES = 17 * 1024 * 1024  # a file has 16 MiB at most
_EARLIER_KEPT = 10  # as in a device's folder
_C, _U = shared_files.c, shared_uploads.c
_IS_SHORT = func.length(_C.content_sealed) <= _MOST_BYTES
_HEAD = (_C.serial, _C.kind, _C.version, _C.change, _C.digest, _C.length, _C.put_at, _C.is_current)


def select_changed(connection: Connection, row_id: int, after: int, limit: int) -> list[SharedHead]:
    """Return the current files with a greater number, by number."""
    query = select(*_HEAD).where(_C.site_id == row_id, _C.change > after, _C.is_current)
    return [_head(row) for row in connection.execute(query.order_by(_C.change).limit(limit))]


def select_heads(connection: Connection, row_id: int, serial: str) -> list[SharedHead]:
    """Return all files of a device, by number."""
    query = select(*_HEAD).where(*_of_device(row_id, serial)).order_by(_C.change)
    return [_head(row) for row in connection.execute(query)]


def select_heads_of(connection: Connection, row_id: int, serials: Sequence[str]) -> list[SharedHead]:
    """Return all files of these devices, by number."""
    query = select(*_HEAD).where(_C.site_id == row_id, _C.serial.in_(serials)).order_by(_C.change)
    return [_head(row) for row in connection.execute(query)]


def select_content(connection: Connection, row_id: int, change: int, seal: ContentSeal) -> bytes | None:
    """Return the content of a file; None if it is gone, or is too long to be one of ours: then it is not read."""
    query = select(_C.serial, _C.kind, _C.digest, _C.content_sealed).where(_IS_SHORT)
    row = connection.execute(query.where(_C.site_id == row_id, _C.change == change)).one_or_none()
    if row is None or row.kind == REMOVED:
        return None if row is None else b""
    return seal.open(row_id, row.serial, what_of_file(row.kind, row.digest), bytes(row.content_sealed))


def select_contents(connection: Connection, row_id: int, changes: Sequence[int], seal: ContentSeal) -> dict[int, bytes]:
    """Return the contents of these files, by number. Those that are gone are left out."""
    query = select(_C.change, _C.serial, _C.kind, _C.digest, _C.content_sealed).where(_IS_SHORT)
    rows = connection.execute(query.where(_C.site_id == row_id, _C.change.in_(changes), _C.kind != REMOVED))
    return {
        row.change: seal.open(row_id, row.serial, what_of_file(row.kind, row.digest), bytes(row.content_sealed))
        for row in rows
    }


def put(
    connection: Connection,
    row_id: int,
    serial: str,
    draft: SharedDraft,
    expected: int | None,
    at: datetime,
    earlier: Sequence[SharedDraft],
    seal: ContentSeal,
) -> SharedHead | None:
    """Put a file in the place of the expected one. None if there is another one."""
    locked_standing(connection, row_id)
    of_kind = (*_of_device(row_id, serial), _C.kind == draft.kind)
    present = connection.scalar(select(_C.change).where(*of_kind, _C.is_current))
    if present != expected:
        return None
    if draft.version:
        of_same = _C.version == draft.version
        connection.execute(delete(shared_files).where(*of_kind, of_same))
        connection.execute(update(shared_files).where(*of_kind, _C.is_current).values(is_current=False))
    else:
        connection.execute(delete(shared_files).where(*of_kind))
    known = set(connection.scalars(select(_C.version).where(*of_kind)))
    missing = [each for each in earlier if each.version not in known and each.version < draft.version]
    first = next_change(connection, row_id, at, len(missing) + 1)
    for number, each in enumerate(missing, first):
        _insert(connection, row_id, serial, each, number, at, seal, is_current=False)
    head = _insert(connection, row_id, serial, draft, first + len(missing), at, seal, is_current=True)
    _forget_earliest(connection, of_kind)
    return head


def delete_device(connection: Connection, row_id: int, serial: str, at: datetime) -> bool:
    """Remove all of a device, and leave a row that says so to the hosts. Return whether there was anything."""
    if select_standing(connection, row_id) is None:
        return False
    locked_standing(connection, row_id)
    was_there = False
    uploaded = connection.scalar(select(func.sum(_U.length)).where(_U.site_id == row_id, _U.serial == serial))
    count_upload(connection, row_id, numbers=0, more=-int(uploaded or 0))  # else the site would be full one day
    for table in (shared_files, shared_uploads, shared_reports):
        gone = delete(table).where(table.c.site_id == row_id, table.c.serial == serial)
        if table is shared_files:
            gone = gone.where(_C.kind != REMOVED)
        was_there |= bool(connection.execute(gone).rowcount)
    if was_there:
        number = next_change(connection, row_id, at)
        connection.execute(delete(shared_files).where(*_of_device(row_id, serial)))
        _insert(connection, row_id, serial, SharedDraft(REMOVED, "", b""), number, at, None, is_current=True)
    return was_there


def delete_site(connection: Connection, row_id: int) -> None:
    """Remove all shared files of the site in this row."""
    for table in (shared_files, shared_uploads, shared_reports, shared_readers, shared_sites):
        connection.execute(delete(table).where(table.c.site_id == row_id))


def _insert(
    connection: Connection,
    row_id: int,
    serial: str,
    draft: SharedDraft,
    change: int,
    at: datetime,
    seal: ContentSeal | None,
    *,
    is_current: bool,
) -> SharedHead:
    """Insert a file. Without a seal it has no content."""
    digest = hashlib.sha256(draft.content).hexdigest()
    head = SharedHead(serial, draft.kind, draft.version, change, digest, len(draft.content), at, is_current)
    values = {name: getattr(head, name) for name in (column.name for column in _HEAD)}
    sealed = b"" if seal is None else seal.seal(row_id, serial, what_of_file(draft.kind, digest), draft.content)
    connection.execute(shared_files.insert().values(site_id=row_id, content_sealed=sealed, **values))
    return head


def _forget_earliest(connection: Connection, of_kind: tuple[ColumnElement[bool], ...]) -> None:
    query = select(_C.change).where(*of_kind, ~_C.is_current).order_by(_C.version.desc()).offset(_EARLIER_KEPT)
    if old := list(connection.scalars(query)):
        connection.execute(delete(shared_files).where(*of_kind, _C.change.in_(old)))


def _of_device(row_id: int, serial: str) -> tuple[ColumnElement[bool], ...]:
    return _C.site_id == row_id, _C.serial == serial


def _head(row: Any) -> SharedHead:
    return SharedHead(*(getattr(row, column.name) for column in _HEAD))
