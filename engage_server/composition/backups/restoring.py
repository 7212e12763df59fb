"""Restores a backup into a throw-away place, for a drill."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from engage_server.composition.backups.keys import sealer_in
from engage_server.composition.keys.source import read_key
from engage_server.composition.links.key import read_link_sealer
from engage_server.composition.opening import kept_open
from engage_server.errors import NotPossible, SealBroken, StoreVersionMismatch
from engage_server.files import read_file
from engage_server.files.failures import explained
from engage_server.lock.target import Target
from engage_server.records import AuditHead
from engage_server.services.backup.archive.names import damaged
from engage_server.services.backup.archive.reading import Archive, open_archive
from engage_server.services.backup.creation import head_of
from engage_server.services.backup.drill import DrillReport, RestoredBackup, drill
from engage_server.services.backup.live_host import LiveHost
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.copying.filling import fill
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.interface.copying import TableRows
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sealing import LinkSealer
from engage_server.store.sql_store import SqlStore

_PREFIX = ".engage-drill-"
_MAX_KEY_FILE_BYTES = 4096
_MIB = 1024 * 1024
_YOUNG_SECONDS = 60.0  # one that was made just now is not locked yet
_ACTOR = "engage backup verify"


@dataclass(frozen=True, slots=True)
class DrillKeys:
    """The keys that a drill needs.

    Attributes:
        key: The key-encryption key.
        link_sealer: Under the key of the links. None: it was not given.
    """

    key: KeyEncryptionKey
    link_sealer: LinkSealer | None = None


@contextmanager
def restored_for_drill(path: Path, keys: DrillKeys, scratch: Path, reserve_mib: int) -> Iterator[RestoredBackup]:
    """Restore a backup into a folder that is removed at the end, whatever happens.

    Args:
        path: The backup.
        keys: The keys.
        scratch: The folder in which that folder is made. Nothing unsealed is written there.
        reserve_mib: How much of its disk stays free.

    Raises:
        Refused: The backup is damaged, or was made with another key or by a newer version.
        FileNotUsable: It cannot be read, or the folder cannot be written.
        NotPossible: The disk has too little space.
    """
    archive = open_archive(path)
    _assert_schema(archive)
    sealer_in(archive, keys.key)
    _sweep(scratch)
    _assert_room(archive, scratch, reserve_mib)
    with explained(scratch, "write in it"), TemporaryDirectory(prefix=_PREFIX, dir=scratch) as name, _held(Path(name)):
        url = f"sqlite:///{name}/drill.db"
        create_sqlite_file(url)
        with kept_open(open_engine(url)) as engine:
            ends = _Ends()
            is_current = archive.manifest.schema == schema.REVISIONS[-1]
            fill(engine, archive.manifest.schema, ends.watched(archive), is_for_a_moment=is_current)
            try:
                sealer = schema.upgrade(engine, keys.key, _ACTOR).sealer
            except SealBroken as error:
                raise damaged("tables/installation", error.sentence) from None
            open_link_secret = keys.link_sealer.open if keys.link_sealer is not None else None
            store = SqlStore(engine, sealer)
            try:
                yield RestoredBackup(archive.manifest, store, ends.head, schema.REVISIONS[-1], open_link_secret)
            finally:
                store.close()


class _Ends:
    """Passes rows on, and keeps the last one of the audit log."""

    def __init__(self) -> None:
        self.head = AuditHead(0, "")

    def watched(self, archive: Archive) -> Iterator[TableRows]:
        for table, rows in archive.tables():
            yield TableRows(table, self._log(rows) if table == "audit_events" else rows)

    def _log(self, rows: Iterator[bytes]) -> Iterator[bytes]:
        line = b""
        for line in rows:
            yield line
        with suppress(ValueError, KeyError, TypeError):  # then filling refuses it, and names the line
            self.head = head_of(line) if line else self.head


def _assert_schema(archive: Archive) -> None:
    version = archive.manifest.schema
    if version not in schema.REVISIONS:
        raise StoreVersionMismatch(
            f"the backup was made by a newer version ({archive.manifest.product}, schema {version}) than this program",
            "Install that version or a later one, and try again. The backup was not changed.",
        )


def _assert_room(archive: Archive, scratch: Path, reserve_mib: int) -> None:
    """Refuse before the disk is full. A database with its indexes takes up to twice as much as its rows as JSON."""
    needed = 2 * archive.table_bytes
    if shortage := DiskReserve(scratch, reserve_mib * _MIB).shortage(needed):
        raise NotPossible(
            f"the drill needs {needed // _MIB + 1} MiB for its throw-away database: {shortage}",
            "Make space, or name a folder on another disk: --scratch DIR",
            code="disk.reserve",
        )


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, so that another drill does not take it for one that a crash left."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(scratch: Path) -> None:
    """Remove the folders of drills that were killed."""
    for folder in scratch.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                found = os.fstat(descriptor)
                if found.st_uid == os.geteuid() and time.time() - found.st_mtime > _YOUNG_SECONDS:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
            finally:
                os.close(descriptor)


def read_drill_keys(
    settings: Settings, environment: Mapping[str, str], kek_file: Path | None, links_key_file: Path | None
) -> DrillKeys:
    """Read the keys from files, or use those of this host.

    Args:
        settings: The settings.
        environment: For the key-encryption key of this host.
        kek_file: The file with the key-encryption key. None: that of this host.
        links_key_file: The file with the key of the links. None: that of this host, if there is one.

    Raises:
        SettingsInvalid: There is no key, or the text is not a key.
        FileNotUsable: A file cannot be read.
    """
    if links_key_file is not None:
        content = read_file(links_key_file, limit=_MAX_KEY_FILE_BYTES)
        link_sealer: LinkSealer | None = LinkSealer.from_text(content, str(links_key_file))
    else:
        link_sealer = read_link_sealer(settings)
    if kek_file is None:
        return DrillKeys(read_key(settings, environment).key, link_sealer)
    return DrillKeys(
        KeyEncryptionKey.from_text(read_file(kek_file, limit=_MAX_KEY_FILE_BYTES), str(kek_file)), link_sealer
    )


def drilled(
    path: Path, keys: DrillKeys, scratch: Path, reserve_mib: int, against: tuple[str, int] | None = None
) -> DrillReport:
    """Restore a backup for a moment, and do the drill with it.

    Args:
        path: The backup.
        keys: The keys.
        scratch: Where it is restored.
        reserve_mib: How much of that disk stays free.
        against: The address of a live host, and its TLS port. None: none.

    Raises:
        EngageError: As for :func:`restored_for_drill`. Or the address is none.
    """
    target = Target.from_url(*against) if against is not None else None
    with restored_for_drill(path, keys, scratch, reserve_mib) as restored:
        store = restored.store
        live = LiveHost(target, store.site_key, store.releases()) if target is not None else None
        return drill(restored, live)
