"""A SQLite file with what devices are answered, for a host that has to start while its database is away.

It is a database of this version like any other, so the same code reads it. It has no site key, no audit log and no
evidence, and only those private keys that are served now.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, select, text
from sqlalchemy.pool import NullPool

from engage_server.errors import StoreNotUsable, StoreVersionMismatch
from engage_server.files.writing import sync_folder
from engage_server.records import ReleaseState
from engage_server.store import schema
from engage_server.store.copying.file_digest import assert_undamaged, write_digest
from engage_server.store.database.engine import LONG_SECONDS, reading, writing
from engage_server.store.database.new_file import new_database
from engage_server.store.keys.tables import key_wraps
from engage_server.store.tables import devices, installation, metadata, releases, site_hosts, sites, static_certificates

_ROWS = 10_000  # at a time
_ADD_DEVICE = "INSERT INTO devices (serial, site_id, added_at) VALUES (?, ?, '1970-01-01 00:00:00.000000')"
_NEW = ".new"
_Change = Callable[[dict[str, Any]], dict[str, Any]]


def _without_log(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "audit_entries": 0, "audit_end": ""}


def _without_site_key(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "site_key_sealed": b""}


def _only_served_key(row: dict[str, Any]) -> dict[str, Any]:
    return row if row["state"] == ReleaseState.CURRENT.value else {**row, "private_key_sealed": b""}


def _unchanged(row: dict[str, Any]) -> dict[str, Any]:
    return row


_SERVED: Mapping[Table, _Change] = {
    installation: _without_log,
    key_wraps: _unchanged,
    sites: _without_site_key,
    site_hosts: _unchanged,
    static_certificates: _unchanged,
    releases: _only_served_key,
}


@dataclass(frozen=True, slots=True)
class ServedMark:
    """Changes with whatever a copy holds.

    Attributes:
        generation: The store's.
        seal_probe: Differs between installations.
        wraps: The installation key, as each accepted key-encryption key wraps it.
    """

    generation: int
    seal_probe: bytes
    wraps: frozenset[bytes]


def mark_of(engine: Engine) -> ServedMark:
    """Read the mark of a database, or of a copy.

    Raises:
        StoreNotUsable: It does not answer, or is damaged.
    """
    with reading(engine) as connection:
        return _mark(connection)


def write_copy(engine: Engine, path: Path) -> ServedMark:
    """Copy what devices are answered, as it is at one moment. The file is whole, or the one that was there stays.

    Args:
        engine: The database.
        path: The file. It gets mode 0600. Its folder must exist.

    Returns:
        What the copy has.

    Raises:
        StoreNotUsable: The database does not answer, or the folder cannot be written.
    """
    fresh = path.with_name(path.name + _NEW)
    fresh.unlink(missing_ok=True)  # of a run that was killed
    with reading(engine, LONG_SECONDS) as source, new_database(f"sqlite:///{fresh}") as target:
        mark = _mark(source)
        with writing(target) as copy:
            _make_tables(copy)
            for table, change in _SERVED.items():
                _copy_rows(source, copy, table, change)
            _copy_devices(source, copy)
    write_digest(fresh)
    fresh.replace(path)
    sync_folder(path.parent)
    return mark


def open_copy(path: Path) -> Engine:
    """Open a copy for reading. Another process may put a newer one in its place meanwhile.

    Raises:
        StoreNotUsable: There is none, or it is damaged.
        StoreVersionMismatch: Another version of this program made it.
    """
    assert_undamaged(path)
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    engine = create_engine(f"sqlite:///{path}", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    schema.assert_current(engine)
    return engine


def mark_of_copy(path: Path) -> ServedMark | None:
    """Look at all of a copy, and return its mark. None: it is damaged, or of another version."""
    try:
        return mark_of(open_copy(path))
    except (StoreNotUsable, StoreVersionMismatch):
        return None


def _mark(connection: Connection) -> ServedMark:
    row = connection.execute(select(installation.c.generation, installation.c.seal_probe)).one()
    wraps = connection.scalars(select(key_wraps.c.wrapped))
    return ServedMark(row.generation, bytes(row.seal_probe), frozenset(map(bytes, wraps)))


def _make_tables(copy: Connection) -> None:
    metadata.create_all(copy, tables=[*_SERVED, devices])
    copy.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    copy.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": schema.REVISIONS[-1]})


def _copy_rows(source: Connection, copy: Connection, table: Table, change: _Change) -> None:
    if found := source.execute(select(table)).mappings().all():
        copy.execute(table.insert(), [change(dict(row)) for row in found])


def _copy_devices(source: Connection, copy: Connection) -> None:
    """There may be a million. So only what is asked for is converted: nobody asks the copy when they were added."""
    query = select(devices.c.serial, devices.c.site_id).order_by(devices.c.site_id, devices.c.serial)
    found = source.execute(query.execution_options(yield_per=_ROWS))
    for some in found.partitions():
        copy.exec_driver_sql(_ADD_DEVICE, [tuple(row) for row in some])
