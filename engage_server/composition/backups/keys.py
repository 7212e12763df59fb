"""What a backup has from the keys of its installation: an identifier, and the code of its manifest."""

import base64
import binascii
import hashlib
import hmac
import json

from engage_server.errors import Refused, SealBroken
from engage_server.services.backup.archive.reading import Archive
from engage_server.store.keys.first_key import SINCE as FIRST_KEY_SINCE
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sealing import DerivingKey, Sealer


def key_id_of(sealer: DerivingKey) -> str:
    """Return what identifies the installation key. Nothing else can be learnt from it."""
    return sealer.derived_key("backup key id")[:8].hex()


def manifest_code(sealer: DerivingKey, manifest: bytes) -> bytes:
    """Return the code of a manifest: only whoever has the installation key can make it."""
    code = hmac.digest(sealer.derived_key("backup manifest"), manifest, hashlib.sha256)
    return code.hex().encode() + b"\n"


def opened_key(archive: Archive, key: KeyEncryptionKey) -> DerivingKey:
    """Open the installation key in a backup. A change of the key-encryption key leaves it as it is.

    Nothing is written before this: a wrong key must not leave half a place behind.

    Args:
        archive: The backup, of a version of the tables that is known.
        key: The key-encryption key that the installation had then.

    Raises:
        Refused: The backup was made with another key, or is damaged.
    """
    if archive.manifest.schema < FIRST_KEY_SINCE:
        return key.earlier_sealer()
    try:
        wraps = {row["key_id"]: base64.b64decode(row["wrapped"]) for row in map(json.loads, archive.rows("key_wraps"))}
        if key.key_id in wraps:
            return Sealer(key.unwrap(wraps[key.key_id]))
    except (ValueError, TypeError, KeyError, binascii.Error, SealBroken):
        raise Refused(
            "tables/key_wraps: what the key-encryption key wraps was changed",
            "Use another backup. This one cannot be opened.",
            code="backup.damaged",
        ) from None
    raise another_key(archive)


def another_key(archive: Archive) -> Refused:
    """Say that a backup was made with another key."""
    return Refused(
        "the backup was made with another key-encryption key than this one",
        f"Give the key that the installation had on {archive.manifest.made_at:%Y-%m-%d}: --kek-file FILE. Nothing was "
        "changed.",
        code="backup.other_key",
    )
