"""The key-encryption key. It opens the installation key and nothing else, so it can be replaced.

Operators keep it apart from the database, in a file, a variable, or behind a command. The database stores only its id.
"""

import hashlib
from typing import Self

from engage_server.errors import SealBroken, SettingsInvalid
from engage_server.records import Secret
from engage_server.store.sealing import (
    UNDER_EARLIER_KEY,
    UNDER_KEY_ENCRYPTION_KEY,
    DerivingKey,
    SealingKey,
    assert_length,
    read_key,
)

_INSTALLATION_KEY = "the installation key"
_ID_BYTES = 8  # a person compares them


class EarlierSealer(DerivingKey):
    """Opens what earlier versions sealed with the key-encryption key itself. Only the update of a database uses it.

    Args:
        key_encryption_key: 32 bytes.
    """

    def __init__(self, key_encryption_key: Secret) -> None:
        super().__init__(key_encryption_key, UNDER_EARLIER_KEY)

    def _another_key(self, sealed: bytes, purpose: str) -> SealBroken:
        return _not_of_this_installation(f"{purpose}: sealed with another key-encryption key")


class KeyEncryptionKey(SealingKey):
    """Wraps the installation key, and unwraps it.

    Args:
        key: 32 bytes.

    Raises:
        SettingsInvalid: The key has another length.
    """

    def __init__(self, key: Secret) -> None:
        assert_length(key, "key-encryption key")
        super().__init__(key, UNDER_KEY_ENCRYPTION_KEY)
        self._key = key

    @classmethod
    def from_text(cls, text: bytes, source: str) -> Self:
        """Read a key written by :func:`engage_server.store.sealing.new_key_encryption_key`.

        Args:
            text: 44 characters of Base64; white space around them is ignored.
            source: The file, variable or command that it came from, for errors.

        Raises:
            SettingsInvalid: It is not such a text. The text is not repeated.
        """
        key = read_key(text)
        if key is None:
            raise SettingsInvalid(
                f"{source}: not a key-encryption key",
                "It must be 44 characters of Base64 (32 bytes). Restore the key from its backup: without it the "
                "sealed site keys are lost.",
            )
        return cls(key)

    @property
    def key_id(self) -> str:
        """A digest that people and the database know this key by. It does not reveal the key."""
        return hashlib.sha256(b"engage-server key-encryption key id" + self._key.reveal()).digest()[:_ID_BYTES].hex()

    def wrap(self, installation_key: Secret) -> bytes:
        """Seal the installation key."""
        return self.seal(installation_key, _INSTALLATION_KEY)

    def unwrap(self, wrapped: bytes) -> Secret:
        """Open the installation key.

        Raises:
            SealBroken: It was sealed by another key, or has changed since.
        """
        return self.open(wrapped, _INSTALLATION_KEY)

    def earlier_sealer(self) -> EarlierSealer:
        """Return what opens the values of versions that had no installation key."""
        return EarlierSealer(self._key)

    def _another_key(self, sealed: bytes, purpose: str) -> SealBroken:
        return _not_of_this_installation(f"{purpose}: sealed with another key-encryption key")


def not_accepted(key_id: str) -> SealBroken:
    """Return the error for a key that the database does not know."""
    return _not_of_this_installation(
        f"the installation key: sealed with another key-encryption key, and not with the one of id {key_id}"
    )


def _not_of_this_installation(sentence: str) -> SealBroken:
    return SealBroken(
        sentence,
        "Point key_encryption_key_file, key_encryption_key_command or ENGAGE_KEY_ENCRYPTION_KEY at the key of this "
        "installation. After 'engage key rotate', that is the new key. An older database opens with the key of then.",
    )
