"""Sealed secrets: AES-256-GCM under keys that are stored outside the database.

A sealed value is ``version || key id || nonce || ciphertext and tag``. Its purpose is authenticated with it, so a
sealed value that is copied into another row cannot be opened.

The installation key opens everything. It is never stored in the clear: the database has it wrapped by each
key-encryption key that is accepted (see :mod:`engage_server.store.keys.key_encryption_key`). The release key is derived
from it, one way, and opens only the private keys of releases. It is the only key that a process gets which talks to
devices by TLS.

The links have a separate key, derived from nothing. It opens only the secrets of devices on links. The process that
partners call from the internet gets no other key.
"""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from functools import cached_property
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engage_server.errors import SealBroken, SettingsInvalid
from engage_server.records import Secret
from engage_server.records.release_key import read_release_key

KEY_BYTES = 32
UNDER_EARLIER_KEY = b"\x01"  # the key-encryption key itself, as before schema 0026
UNDER_RELEASE_KEY = b"\x02"
_UNDER_LINKS_KEY = b"\x03"
_UNDER_INSTALLATION_KEY = b"\x04"
UNDER_KEY_ENCRYPTION_KEY = b"\x05"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12  # NIST SP 800-38D section 8.2.2; 2^32 seals under one key are far more than we ever make
_RELEASE_KEYS = "release keys"  # HKDF's label: with another label the key changes, and nothing can be opened any more


class SealingKey:
    """Seals and opens under one key of 32 bytes.

    Args:
        key: The key.
        version: The first byte of everything that it seals. It says which of the keys was used.
    """

    def __init__(self, key: Secret, version: bytes) -> None:
        self._cipher = AESGCM(key.reveal())
        self._header = version + hashlib.sha256(b"engage-server key id" + key.reveal()).digest()[:_KEY_ID_BYTES]

    def seal(self, secret: Secret, purpose: str) -> bytes:
        """Encrypt a secret so that it can be opened only for the same purpose.

        Args:
            secret: The secret.
            purpose: What the secret is for, such as ``site_key/main``.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self._header + nonce + self._cipher.encrypt(nonce, secret.reveal(), self._header + purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> Secret:
        """Decrypt.

        Raises:
            SealBroken: It was sealed with another key or for another purpose, or has changed since.
        """
        end = len(self._header)
        header, nonce, ciphertext = sealed[:end], sealed[end : end + _NONCE_BYTES], sealed[end + _NONCE_BYTES :]
        if header != self._header:
            raise self._another_key(sealed, purpose)
        try:
            return Secret(self._cipher.decrypt(nonce, ciphertext, header + purpose.encode()))
        except InvalidTag:
            raise SealBroken(
                f"{purpose}: the sealed value was changed", "Restore the database from a backup."
            ) from None

    def _another_key(self, sealed: bytes, purpose: str) -> SealBroken:
        raise NotImplementedError


class ReleaseSealer(SealingKey):
    """Seals and opens the private keys of releases, and nothing else.

    Args:
        release_key: 32 bytes, from :attr:`Sealer.release_key`.
    """

    def __init__(self, release_key: Secret) -> None:
        assert_length(release_key, "release key")
        super().__init__(release_key, UNDER_RELEASE_KEY)

    @classmethod
    def from_text(cls, text: bytes, source: str) -> Self:
        """Read a release key as ``engage key export-release-key`` writes it.

        Args:
            text: The content of the file or variable.
            source: Its name, for errors.

        Raises:
            SettingsInvalid: It is another text, such as a key-encryption key. The text is not repeated.
        """
        return cls(read_release_key(text, source))

    def _another_key(self, sealed: bytes, purpose: str) -> SealBroken:
        if sealed[:1] == UNDER_EARLIER_KEY:
            return SealBroken(
                f"{purpose}: sealed in the form of an earlier version",
                "Run 'engage init' once: it seals it again, and loses nothing.",
            )
        return SealBroken(
            f"{purpose}: sealed with another key",
            "This release key is of another installation, or is older than its installation key. Export it again on a "
            "host with the key-encryption key: engage key export-release-key FILE",
        )


class LinkSealer(SealingKey):
    """Seals and opens the secrets of devices on links, and nothing else.

    Args:
        key: 32 bytes, of the links' key file.
    """

    def __init__(self, key: Secret) -> None:
        super().__init__(key, _UNDER_LINKS_KEY)

    @classmethod
    def from_text(cls, text: bytes, source: str) -> Self:
        """Read the key of the links, as :func:`new_key_encryption_key` writes one.

        Args:
            text: 44 characters of Base64. White space around them is ignored.
            source: The name of the file, for errors.

        Raises:
            SettingsInvalid: It is another text. The text is not repeated.
        """
        key = read_key(text)
        if key is None:
            raise SettingsInvalid(
                f"{source}: not a key of the links",
                "It must be 44 characters of Base64 (32 bytes). Restore the file from its backup.",
            )
        return cls(key)

    def _another_key(self, sealed: bytes, purpose: str) -> SealBroken:
        return SealBroken(
            f"{purpose}: sealed with another key",
            "Point links_key_file at the key of these links. Or register the device again.",
        )


class DerivingKey(SealingKey):
    """A key from which others are derived.

    Args:
        key: The key.
        version: As for :class:`SealingKey`.
    """

    def __init__(self, key: Secret, version: bytes) -> None:
        super().__init__(key, version)
        self._key = key

    def derived_key(self, purpose: str) -> bytes:
        """Derive 32 bytes for a use other than sealing, by HKDF (RFC 5869). The same purpose gives the same bytes.

        They reveal neither this key nor the bytes for another purpose.
        """
        derivation = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=f"engage-server {purpose}".encode())
        return derivation.derive(self._key.reveal())

    @cached_property
    def audit_key(self) -> bytes:
        """The key that signs the audit log."""
        return self.derived_key("audit log")

    @cached_property
    def release_key(self) -> Secret:
        """The key for :class:`ReleaseSealer`."""
        return Secret(self.derived_key(_RELEASE_KEYS))

    @cached_property
    def releases(self) -> ReleaseSealer:
        """The sealer for the private keys of releases."""
        return ReleaseSealer(self.release_key)


class Sealer(DerivingKey):
    """Seals and opens all secrets, under the installation key.

    Args:
        installation_key: 32 bytes.

    Raises:
        SettingsInvalid: The key has another length.
    """

    def __init__(self, installation_key: Secret) -> None:
        assert_length(installation_key, "installation key")
        super().__init__(installation_key, _UNDER_INSTALLATION_KEY)

    def wrapped_by(self, wrap: Callable[[Secret], bytes]) -> bytes:
        """Return the installation key, sealed by a key-encryption key.

        Args:
            wrap: Of that key: :meth:`engage_server.store.keys.key_encryption_key.KeyEncryptionKey.wrap`.
        """
        return wrap(self._key)

    def is_of(self, installation_key: Secret) -> bool:
        """Whether this is the sealer of that key."""
        return self._key == installation_key

    def _another_key(self, sealed: bytes, purpose: str) -> SealBroken:
        if sealed[:1] == UNDER_EARLIER_KEY:
            return SealBroken(
                f"{purpose}: it did not open when 'engage init' gave this database its installation key",
                "It was damaged before that. Restore it from a backup of the database.",
            )
        return SealBroken(
            f"{purpose}: sealed with the key of another installation",
            "This row is from another database. Restore the database from a backup.",
        )


def new_key_encryption_key() -> bytes:
    """Make a new key-encryption key as the text for its file, with a newline at the end."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"


def assert_length(key: Secret, name: str) -> None:
    """Refuse a key of another length.

    Raises:
        SettingsInvalid: It has not 32 bytes.
    """
    length = len(key.reveal())
    if length != KEY_BYTES:
        raise SettingsInvalid(f"the {name} has {length} bytes instead of {KEY_BYTES}")


def read_key(text: bytes) -> Secret | None:
    """Read a key of 32 bytes. None if the text is not one."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        return None
    return Secret(key) if len(key) == KEY_BYTES else None
