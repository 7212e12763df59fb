"""Whether a backup can be restored here, as far as that is known before the first byte is written."""

import json

from engage_server.composition.backups.keys import sealer_in
from engage_server.errors import NotPossible, Refused, StoreVersionMismatch
from engage_server.records import AuditHead
from engage_server.services.backup.archive.reading import Archive
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.database.engine import sqlite_path
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey

_MIB = 1024 * 1024


def assert_usable(archive: Archive, key: KeyEncryptionKey, expected: AuditHead | None) -> None:
    """Refuse a backup that cannot be restored, as far as that is known before the first byte is written.

    Args:
        archive: The backup.
        key: The key-encryption key that the installation had.
        expected: An entry of the audit log that must be in it. None: any backup is accepted.

    Raises:
        StoreVersionMismatch: A newer version made it.
        Refused: It was made with another key, or does not hold that entry.
    """
    manifest = archive.manifest
    if manifest.schema not in schema.REVISIONS:
        raise StoreVersionMismatch(
            f"the backup was made by a newer version ({manifest.product}, schema {manifest.schema}) than this program",
            "Install that version or a later one, and try again. Nothing was changed.",
        )
    sealer_in(archive, key)
    if expected is not None:
        _assert_expected(archive, expected)


def _assert_expected(archive: Archive, expected: AuditHead) -> None:
    """Refuse a backup that is older than an entry that somebody recorded, or of another history."""
    head = archive.manifest.audit_head
    if head.number < expected.number:
        raise Refused(
            f"the backup is older than expected: its audit log ends at entry {head.number}, not {expected.number}",
            "Use a newer backup. If there is none, leave --expect out: what was done since is lost. Nothing was "
            "changed.",
            code="backup.older",
        )
    rows = (json.loads(line) for line in archive.rows("audit_events"))
    if expected.number and not any(row["id"] == expected.number and row["hash"] == expected.hash for row in rows):
        raise Refused(
            f"the backup has another history: its entry {expected.number} of the audit log is not the expected one",
            "It is of another installation, or somebody went on from an older backup. Nothing was changed.",
            code="backup.other_history",
        )


def assert_room(archive: Archive, settings: Settings) -> None:
    """Refuse before the disk is full. The folder of a PostgreSQL database is not known here.

    Raises:
        NotPossible: There is too little space.
    """
    path, needed = sqlite_path(settings.database_url.reveal()), 2 * archive.table_bytes
    if path is None:
        return
    reserve = max(1, settings.disk_reserve_mib * _MIB)  # 0 would mean that nothing is checked
    if shortage := DiskReserve(path.parent, reserve).shortage(needed):
        raise NotPossible(
            f"the database needs up to {needed // _MIB + 1} MiB: {shortage}",
            "Make space, or name another place for the database: database_url. Nothing was changed.",
            code="disk.reserve",
        )
