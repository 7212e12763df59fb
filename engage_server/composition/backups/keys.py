"""What a backup has from the keys of its installation: the installation key, wrapped, and the code of its manifest."""

import base64
import binascii
import hashlib
import hmac
import json

from engage_server.errors import Refused, SealBroken
from engage_server.records import Secret
from engage_server.services.backup.archive.names import damaged
from engage_server.services.backup.archive.reading import Archive
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sealing import Sealer

_WRAPS = "key_wraps"


def sealer_in(archive: Archive, key: KeyEncryptionKey) -> Sealer:
    """Open the installation key in a backup. Nothing is restored for it. The manifest's code is checked with it.

    Args:
        archive: The backup.
        key: The key-encryption key.

    Raises:
        Refused: The backup was made with another key-encryption key. Or its manifest was edited.
    """
    sealer = Sealer(_unwrapped(archive, key))
    archive.assert_made_with(lambda manifest: manifest_code(sealer, manifest))
    return sealer


def manifest_code(sealer: Sealer, manifest: bytes) -> bytes:
    """Return the code of a manifest: only somebody who has the key can make it."""
    code = hmac.digest(sealer.derived_key("backup manifest"), manifest, hashlib.sha256)
    return code.hex().encode() + b"\n"


def _unwrapped(archive: Archive, key: KeyEncryptionKey) -> Secret:
    made_at = archive.manifest.made_at
    try:
        wraps = {str(row["key_id"]): row["wrapped"] for row in map(json.loads, archive.rows(_WRAPS))}
        if key.key_id in wraps:
            return key.unwrap(base64.b64decode(wraps[key.key_id], validate=True))
    except (ValueError, TypeError, KeyError, binascii.Error, SealBroken):
        raise damaged(f"tables/{_WRAPS}", "the installation key in it was changed") from None
    raise Refused(
        f"the backup was made with another key-encryption key than this one, whose id is {key.key_id}. "
        f"It opens with: {', '.join(wraps) or 'none'}",
        f"Give the key that the installation had on {made_at:%Y-%m-%d}: --kek-file FILE",
        code="backup.other_key",
    )
