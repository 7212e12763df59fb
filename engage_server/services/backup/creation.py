"""Makes a backup while everything serves."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from engage_server.errors import Conflict, NotPossible
from engage_server.files import SECRET_MODE, write_new_file
from engage_server.records import AuditAction, AuditEvent, AuditHead, Occasion
from engage_server.services.backup.archive.manifest import AuthorityKeys, Manifest, ServedSite
from engage_server.services.backup.archive.writing import archive_bytes, table_parts
from engage_server.services.backup.host_files import HostFiles
from engage_server.services.backup.served import served_bytes
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.distribution.snapshot import ServedStore, take_snapshot
from engage_server.store.interface import AuditStore
from engage_server.store.interface.copying import Picture

_LOOK_EVERY = 8 * 1024 * 1024  # bytes between two looks at the disk's free space
_TRIES = 5
_AUDIT, _INSTALLATION = "audit_events", "installation"


class CopiedStore(ServedStore, AuditStore, Protocol):
    """The part of the store that a backup needs besides its tables."""


@dataclass(frozen=True, slots=True)
class BackupMaker:
    """What a backup says of who made it.

    Attributes:
        product: The version of this program.
        host: The name of this host.
        key_ids: Identify the key-encryption keys that open it.
        code: Computes the code of the manifest, under a key that is derived from the installation's.
        cert_url_port: The port in ``cert_url``.
    """

    product: str
    host: str
    key_ids: tuple[str, ...]
    code: Callable[[bytes], bytes]
    cert_url_port: int


@dataclass(frozen=True, slots=True)
class CreatedBackup:
    """A backup that was made.

    Attributes:
        path: The file.
        bytes: Its size.
        manifest: What is inside.
    """

    path: Path
    bytes: int
    manifest: Manifest


class BackupCreation:
    """Makes backups of one installation.

    Args:
        store: The store.
        picture: Takes one consistent picture of all tables.
        maker: What the backup says of who made it.
        reserve: Returns how much of a folder's disk stays free.
    """

    def __init__(
        self,
        store: CopiedStore,
        picture: Callable[[], AbstractContextManager[Picture]],
        maker: BackupMaker,
        reserve: Callable[[Path], DiskReserve],
    ) -> None:
        self._store = store
        self._picture = picture
        self._maker = maker
        self._reserve = reserve

    def create(
        self, path: Path, files: HostFiles, occasion: Occasion, tell: Callable[[str], None] = lambda sentence: None
    ) -> CreatedBackup:
        """Write a backup into a new file that only its owner can read.

        Args:
            path: The file. It must not exist.
            files: The files of this host that go into it.
            occasion: Who makes it, when, and why.
            tell: Called with what is being written.

        Raises:
            Conflict: The file exists. It stays as it is.
            NotPossible: The disk has too little space, or a release changed again and again meanwhile.
            FileNotUsable: It cannot be written.
        """
        if path.exists() or path.is_symlink():
            raise Conflict(f"{path} exists already", "Choose another name; nothing was changed.", code="backup.exists")
        for _ in range(_TRIES):
            before = self._served()
            with self._picture() as picture:
                if self._served() == before:
                    made = _Making(picture, files, before, self._maker, occasion.now, tell)
                    write_new_file(path, self._kept_free(path.parent, made.pieces()), SECRET_MODE)
                    break
        else:
            raise NotPossible("releases changed again and again while the backup began", "Make it again later.")
        self._store.record(_event(occasion, path, made.manifest))
        return CreatedBackup(path, path.stat().st_size, made.manifest)

    def _served(self) -> tuple[ServedSite, ...]:
        port = self._maker.cert_url_port
        snapshot = take_snapshot(self._store, port, with_private_keys=False, with_devices=False)
        return tuple(each.digests for each in served_bytes(snapshot))

    def _kept_free(self, folder: Path, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass the pieces on while the disk has room for them beside what operators need."""
        reserve, written = self._reserve(folder), _LOOK_EVERY
        for piece in pieces:
            if written >= _LOOK_EVERY:
                if shortage := reserve.shortage(_LOOK_EVERY):
                    raise NotPossible(
                        f"there is no space for the backup: {shortage}",
                        "Make space, or write it to another disk. Nothing is left of it.",
                        code="disk.reserve",
                    )
                written = 0
            written += len(piece)
            yield piece


class _Making:
    """One backup on its way."""

    def __init__(
        self,
        picture: Picture,
        files: HostFiles,
        served: tuple[ServedSite, ...],
        maker: BackupMaker,
        at: datetime,
        tell: Callable[[str], None],
    ) -> None:
        self._picture, self._files, self._served = picture, files, served
        self._maker, self._at, self._tell = maker, at, tell
        self._rows: dict[str, int] = {}
        self._count = 0
        self._generation, self._head = 0, AuditHead(0, "")
        self.manifest: Manifest

    def pieces(self) -> Iterator[bytes]:
        return archive_bytes(self._members(), self._manifest, self._maker.code, self._at)

    def _members(self) -> Iterator[tuple[str, bytes]]:
        for table in self._picture.tables():
            self._rows[table] = 0
            yield from table_parts(table, self._watched(table), partial(self._add_rows, table))
            self._tell(f"{table}: {self._rows[table]}")
        for member in self._files.members():
            self._count += 1
            yield member
        self._tell(f"files: {self._count}")

    def _add_rows(self, table: str, count: int) -> None:
        self._rows[table] += count

    def _watched(self, table: str) -> Iterator[bytes]:
        """The rows of a table. What the manifest needs of them is kept."""
        rows = self._picture.rows(table)
        return self._kept(table, rows) if table in (_AUDIT, _INSTALLATION) else rows  # others have millions

    def _kept(self, table: str, rows: Iterator[bytes]) -> Iterator[bytes]:
        line = b""
        for line in rows:
            yield line
        if line and table == _AUDIT:
            self._head = head_of(line)
        if line and table == _INSTALLATION:
            self._generation = int(json.loads(line)["generation"])

    def _manifest(self, digests: str) -> Manifest:
        self.manifest = Manifest(
            product=self._maker.product,
            made_at=self._at,
            host=self._maker.host,
            schema=self._picture.schema,
            generation=self._generation,
            audit_head=self._head,
            key_ids=self._maker.key_ids,
            authority=self._files.authority_keys(),
            rows=self._rows,
            files=self._count,
            sites=self._served,
            digests=digests,
            cert_url_port=self._maker.cert_url_port,
        )
        return self.manifest


def head_of(line: bytes) -> AuditHead:
    """Return the number and hash of an entry of the audit log, from its row in a picture."""
    row = json.loads(line)
    return AuditHead(int(row["id"]), str(row["hash"]))


def _event(occasion: Occasion, path: Path, manifest: Manifest) -> AuditEvent:
    facts = {"file": str(path)}
    if manifest.authority is not AuthorityKeys.NONE:
        facts["authority"] = str(manifest.authority)
    return AuditEvent(occasion.now, occasion.actor, AuditAction.BACKUP_CREATED, facts=facts, reason=occasion.reason)
