"""Secrets at rest: AES-256-GCM under a key-encryption key that lies outside the database.

A sealed value is ``version || key id || nonce || ciphertext and tag``. What it is the secret *of* is authenticated
with it, so that a sealed value copied into another row does not open.
"""

import base64
import binascii
import hashlib
import secrets
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engage_server.errors import SealBroken, SettingsInvalid
from engage_server.records import Secret

KEK_BYTES = 32
_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12  # NIST SP 800-38D section 8.2.2; 2^32 seals under one key are far out of reach here


class Sealer:
    """Seals and opens secrets.

    Args:
        key_encryption_key: 32 bytes.

    Raises:
        SettingsInvalid: Another length.
    """

    def __init__(self, key_encryption_key: Secret) -> None:
        key = key_encryption_key.reveal()
        if len(key) != KEK_BYTES:
            raise SettingsInvalid(f"the key-encryption key has {len(key)} bytes instead of {KEK_BYTES}")
        self._cipher = AESGCM(key)
        self._key_encryption_key = key_encryption_key
        self._key_id = hashlib.sha256(b"engage-server key id" + key).digest()[:_KEY_ID_BYTES]

    def derived_key(self, purpose: str) -> bytes:
        """32 bytes for another use than sealing, by HKDF (RFC 5869); the same ones for the same purpose."""
        derivation = HKDF(hashes.SHA256(), KEK_BYTES, salt=None, info=f"engage-server {purpose}".encode())
        return derivation.derive(self._key_encryption_key.reveal())

    @classmethod
    def from_text(cls, text: bytes, source: str) -> Self:
        """Read a key-encryption key written by :func:`new_key_encryption_key`.

        Args:
            text: 44 characters of Base64; white space around them is ignored.
            source: The file or variable it came from, for errors.

        Raises:
            SettingsInvalid: It is no such text. The text is not repeated.
        """
        try:
            key = base64.b64decode(text.strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEK_BYTES:
            raise SettingsInvalid(
                f"{source}: not a key-encryption key",
                "It must be 44 characters of Base64 (32 bytes). Restore the file from its backup: without it the "
                "sealed site keys are lost.",
            )
        return cls(Secret(key))

    def seal(self, secret: Secret, purpose: str) -> bytes:
        """Encrypt a secret so that it opens for the same purpose alone.

        Args:
            secret: What to protect.
            purpose: What it is the secret of, such as ``site_key/main``.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        header = _VERSION + self._key_id
        return header + nonce + self._cipher.encrypt(nonce, secret.reveal(), header + purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> Secret:
        """Decrypt.

        Raises:
            SealBroken: Sealed with another key or for another purpose, or changed since.
        """
        end = len(_VERSION) + _KEY_ID_BYTES
        header, nonce, ciphertext = sealed[:end], sealed[end : end + _NONCE_BYTES], sealed[end + _NONCE_BYTES :]
        if header != _VERSION + self._key_id:
            raise SealBroken(
                f"{purpose}: sealed with another key-encryption key",
                "Point key_encryption_key_file (or ENGAGE_KEY_ENCRYPTION_KEY) at the key of this installation.",
            )
        try:
            return Secret(self._cipher.decrypt(nonce, ciphertext, header + purpose.encode()))
        except InvalidTag:
            raise SealBroken(
                f"{purpose}: the sealed value was changed", "Restore the database from a backup."
            ) from None


def new_key_encryption_key() -> bytes:
    """A fresh key-encryption key as the text that goes into its file, a newline at the end."""
    return base64.b64encode(secrets.token_bytes(KEK_BYTES)) + b"\n"
