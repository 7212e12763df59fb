"""Gives a database its installation key: a new database, and one of a version that had none.

Everything happens in one transaction. If it is interrupted, the database is as it was.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from engage_server.errors import SealBroken
from engage_server.records import AuditAction, AuditHead, SealedValues, Secret
from engage_server.store import audit_log
from engage_server.store.keys import key_queries
from engage_server.store.keys.key_encryption_key import EarlierSealer, KeyEncryptionKey
from engage_server.store.keys.sealed_values import SEAL_PROBE_PURPOSE, seal_all_again
from engage_server.store.keys.signing_again import sign_again
from engage_server.store.sealing import KEY_BYTES, Sealer
from engage_server.store.tables import audit_events, installation

SINCE = "0026"  # the first schema with an installation key


@dataclass(frozen=True, slots=True)
class FirstKey:
    """What changed when a database of an earlier version got its installation key.

    Attributes:
        sealed: How many values were sealed again, and which did not open before. These are as they were.
        old_head: The audit log's last entry, as it was signed before. Notes from outside name it.
        new_head: The same entry as it is signed now.
        faults: How many faults the log had before. It has them still.
        exported: The files into which the release key was ever exported. They hold the release key of before.
    """

    sealed: SealedValues
    old_head: AuditHead
    new_head: AuditHead
    faults: int
    exported: tuple[str, ...]

    def facts(self) -> dict[str, str]:
        """What the audit log records of it."""
        return {
            "old_head": str(self.old_head),
            "new_head": str(self.new_head),
            "faults": str(self.faults),
            "sealed_again": str(self.sealed.count - len(self.sealed.broken)),
            "not_opened": "; ".join(self.sealed.broken),
        }


def new_sealer(connection: Connection, key: KeyEncryptionKey, installation_key: Secret | None = None) -> Sealer:
    """Make an installation key, and store it wrapped by this key-encryption key.

    Args:
        connection: The connection.
        key: The key-encryption key.
        installation_key: The new key. None: a random one.
    """
    sealer = Sealer(installation_key or Secret(secrets.token_bytes(KEY_BYTES)))
    key_queries.insert_wrap(connection, key.key_id, sealer.wrapped_by(key.wrap), datetime.now(UTC))
    return sealer


def existing_sealer(connection: Connection, key: KeyEncryptionKey) -> Sealer:
    """Open the installation key of a database that has one.

    Raises:
        SealBroken: The key is not accepted, or somebody removed what it wrapped.
    """
    if not key_queries.has_wraps(connection):
        raise SealBroken(
            "the installation key: it is not in the database any more", "Restore the database from a backup."
        )
    sealer = Sealer(key_queries.unwrapped(connection, key))
    probe = connection.scalar(select(installation.c.seal_probe))
    if probe is not None:
        sealer.open(probe, SEAL_PROBE_PURPOSE)
    return sealer


def seal_again(connection: Connection, earlier: EarlierSealer, sealer: Sealer) -> SealedValues:
    """Seal every value again under the installation key. What does not open stays as it is.

    Raises:
        SealBroken: Nothing at all opens: it is another key-encryption key.
    """
    sealed = seal_all_again(connection, earlier, sealer)
    if sealed.count and sealed.count == len(sealed.broken):
        earlier.open(b"", sealed.broken[0])
    return sealed


def first_key(
    connection: Connection, earlier: EarlierSealer, sealer: Sealer, sealed: SealedValues, *, is_chained: bool
) -> FirstKey:
    """Sign the audit log again, and return all that changed.

    Args:
        connection: The connection.
        earlier: Signed the log before.
        sealer: Signs it now.
        sealed: The result of :func:`seal_again`.
        is_chained: Whether the log was a chain before. If not, it has no hashes yet.
    """
    old_head = new_head = AuditHead(0, "")
    faults = 0
    if is_chained:
        faults = len(audit_log.verdict(connection, earlier).faults)
        old_head, new_head = sign_again(connection, earlier, sealer)
    return FirstKey(sealed, old_head, new_head, faults, tuple(_exported(connection)))


def _exported(connection: Connection) -> list[str]:
    action = AuditAction.RELEASE_KEY_EXPORTED.value
    rows = connection.execute(select(audit_events.c.facts).where(audit_events.c.action == action))
    return sorted({str(row.facts.get("file", "")) for row in rows if isinstance(row.facts, dict)})
