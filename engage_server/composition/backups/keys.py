"""What a backup has from the keys of its installation: an identifier, and the code of its manifest."""

import hashlib
import hmac

from engage_server.store.sealing import Sealer


def key_id_of(sealer: Sealer) -> str:
    """Return what identifies the key-encryption key. Nothing else can be learnt from it."""
    return sealer.derived_key("backup key id")[:8].hex()


def manifest_code(sealer: Sealer, manifest: bytes) -> bytes:
    """Return the code of a manifest: only whoever has the key can make it."""
    code = hmac.digest(sealer.derived_key("backup manifest"), manifest, hashlib.sha256)
    return code.hex().encode() + b"\n"
