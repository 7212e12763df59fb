"""Restores a backup for use, into an empty place. If it is interrupted, running it again finishes it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from engage_server.composition.backups.empty_place import assert_empty_place
from engage_server.composition.backups.recovery_key import keep_key
from engage_server.composition.backups.usable import assert_room, assert_usable
from engage_server.composition.remains import leave_trace, restoring
from engage_server.composition.starting.served_copy import remove_copy
from engage_server.errors import Conflict
from engage_server.files import SECRET_MODE, make_folder, read_file, replace_file
from engage_server.records import AuditAction, AuditEvent, AuditHead, Occasion
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.backup.archive.manifest import Manifest
from engage_server.services.backup.archive.names import Section
from engage_server.services.backup.archive.reading import Archive, open_archive
from engage_server.services.backup.recovery.aftermath import Aftermath
from engage_server.services.backup.recovery.placing import Places, place_files
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.copying.filling import fill
from engage_server.store.database.engine import open_engine, sqlite_path
from engage_server.store.database.new_file import new_database
from engage_server.store.interface.copying import TableRows
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sealing import Sealer
from engage_server.store.sql_store import SqlStore

_MAX_MARK_BYTES = 4096
_TELL_EVERY = 50_000  # rows


@dataclass(frozen=True, slots=True)
class RecoveryRequest:
    """What is to be restored, and where.

    Attributes:
        path: The backup.
        settings: Those of the place.
        settings_folder: The folder of the settings file.
        key: The key-encryption key that the installation had.
        kek_file: The file with that key, if it was named. It becomes the key file of this host.
        expected: An entry of the audit log that must be in it. None: any backup is accepted.
        only_database: Leave the files of this host as they are.
    """

    path: Path
    settings: Settings
    settings_folder: Path
    key: KeyEncryptionKey = field(repr=False)
    kek_file: Path | None = None
    expected: AuditHead | None = None
    only_database: bool = False


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was restored.

    Attributes:
        manifest: What was inside.
        head: The entry of the audit log that records the restore.
        files: How many files of each kind came back.
        aftermath: What did not come back as it was. Its figures are 0 if an earlier run had filled the database.
        upgraded_from: The version of the tables in the backup, if it was an older one.
    """

    manifest: Manifest
    head: AuditHead
    files: Mapping[Section, int]
    aftermath: Aftermath
    upgraded_from: str | None


class _Telling(NamedTuple):
    tell: Tell
    progress: Tell


def recover(
    request: RecoveryRequest, occasion: Occasion, tell: Tell = tell_nobody, progress: Tell = tell_nobody
) -> Recovered:
    """Restore a backup.

    Args:
        request: What, and where.
        occasion: Who does it, when, and why.
        tell: Called with a sentence about each step that was done. What it raises interrupts the restore.
        progress: Called with how many rows of a table are restored, from time to time.

    Raises:
        Refused: The backup is damaged, was made with another key, or does not hold the entry that is expected.
        StoreVersionMismatch: A newer version made it.
        Conflict: The place is not empty, or another restore was begun there.
        NotPossible: The disk has too little space, and nothing was changed. Or a file or the database prevented it,
            and running it again finishes it.
    """
    archive = open_archive(request.path)
    assert_usable(archive, request.key, request.expected)
    _begin(archive, request)
    keep_key(request.settings, request.kek_file)
    files = dict.fromkeys(Section, 0)
    if not request.only_database:
        files = dict(place_files(archive.files(), _places(request)))
        tell(f"files restored: {sum(files.values())}")
    aftermath = Aftermath(archive.manifest.made_at, occasion.now)
    telling = _Telling(tell, progress)
    head, before = _restore_database(archive, request, aftermath, occasion, telling)
    leave_trace(request.settings)
    restoring(request.settings).unlink(missing_ok=True)
    return Recovered(archive.manifest, head, files, aftermath, before)


def _begin(archive: Archive, request: RecoveryRequest) -> None:
    """Mark the place, or find the mark of an earlier run with the same backup."""
    mark, settings = restoring(request.settings), request.settings
    content = _mark_of(archive, request)
    if mark.exists():
        if read_file(mark, limit=_MAX_MARK_BYTES) != content:
            raise Conflict(
                f"another restore has begun in {settings.data_dir}, and is not complete: {mark} says which",
                f"Finish that one. Or move {settings.data_dir} to another place, and begin again.",
                code="restore.begun",
            )
        return
    assert_empty_place(settings, only_database=request.only_database)
    assert_room(archive, settings)
    make_folder(mark.parent)
    replace_file(mark, content, SECRET_MODE)
    remove_copy(settings)


def _mark_of(archive: Archive, request: RecoveryRequest) -> bytes:
    manifest = archive.manifest
    return (
        f"restoring the backup of {manifest.made_at.isoformat()} from {manifest.host}, {manifest.digests}\n"
        f"only the database: {'yes' if request.only_database else 'no'}\n"
    ).encode()


def _places(request: RecoveryRequest) -> Places:
    settings = request.settings
    return Places(settings.data_dir, settings.upstream_spool_dir, request.settings_folder, settings.certs_dir)


def _restore_database(
    archive: Archive, request: RecoveryRequest, aftermath: Aftermath, occasion: Occasion, telling: _Telling
) -> tuple[AuditHead, str | None]:
    url = request.settings.database_url.reveal()
    path, event = sqlite_path(url), _event(archive, request.path, occasion)
    if path is not None and path.exists() and path.stat().st_size:  # it was renamed last: it is complete
        engine = open_engine(url)
        try:
            return _recorded(engine, schema.opened_sealer(engine, request.key), event), None
        finally:
            engine.dispose()
    with new_database(url) as engine:
        if not schema.is_sealed(engine):
            fill(engine, archive.manifest.schema, _rows(archive, aftermath, telling.progress))
            telling.tell(f"rows restored: {sum(archive.manifest.rows.values())}")
        done = schema.upgrade(engine, request.key, occasion.actor, reason=occasion.reason)
        if done.before is not None:
            telling.tell(f"updated the database from schema {done.before} to {schema.REVISIONS[-1]}")
        return _recorded(engine, done.sealer, event), done.before


def _rows(archive: Archive, aftermath: Aftermath, progress: Tell) -> Iterator[TableRows]:
    for table, lines in archive.tables():
        yield TableRows(table, _watched(table, aftermath.rows(table, lines), progress))


def _watched(table: str, lines: Iterator[bytes], progress: Tell) -> Iterator[bytes]:
    for count, line in enumerate(lines):
        if count % _TELL_EVERY == 0:
            progress(f"{table}: {count}")
        yield line


def _event(archive: Archive, path: Path, occasion: Occasion) -> AuditEvent:
    manifest = archive.manifest
    facts = {
        "file": path.name,
        "made": f"{manifest.made_at:%Y-%m-%d %H:%M} UTC",
        "host": manifest.host,
        "head": str(manifest.audit_head),
    }
    return AuditEvent(occasion.now, occasion.actor, AuditAction.BACKUP_RESTORED, facts=facts, reason=occasion.reason)


def _recorded(engine: Engine, sealer: Sealer, event: AuditEvent) -> AuditHead:
    """Record the restore, unless an earlier run did that."""
    heads: list[AuditHead] = []
    store = SqlStore(engine, sealer, told=heads.append)
    last = store.audit_entry(store.audit_head().number)
    is_there = last is not None and last.event.action is event.action and last.event.facts == event.facts
    if not is_there:
        store.record(event)
    return store.audit_head()
