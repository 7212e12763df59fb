"""The key-encryption key: which ones are accepted, who holds which, and its change."""

from collections.abc import Sequence
from typing import Protocol

from engage_server.records import AcceptedKey, AuditEvent, KeyHolder, KeyRotation, SealedValues, Secret


class WrappingKey(Protocol):
    """A key-encryption key; see :class:`engage_server.store.keys.key_encryption_key.KeyEncryptionKey`."""

    @property
    def key_id(self) -> str:
        """Its id."""

    def wrap(self, installation_key: Secret) -> bytes:
        """Seal the installation key."""

    def unwrap(self, wrapped: bytes) -> Secret:
        """Open it."""


class KeyStore(Protocol):
    """The key-encryption key: which ones are accepted, who holds which, and its change."""

    def accepted_keys(self) -> Sequence[AcceptedKey]:
        """Return the keys that open the installation key, oldest first."""

    def key_rotation(self) -> KeyRotation | None:
        """Return the change of the key that is not over. None if there is none."""

    def key_holders(self) -> Sequence[KeyHolder]:
        """Return what every process that needs the key last got from its source."""

    def report_key(self, holder: KeyHolder, *, is_new: bool = True) -> None:
        """Record what a holder's source gives, at the database's time. ``read_at`` is not read.

        Args:
            holder: The holder.
            is_new: Whether it has read its source just now. Otherwise it only says that it is alive.
        """

    def remove_key_holder(self, host: str, place: str) -> None:
        """Remove a holder that does not need the key any more. Nothing happens if there is none."""

    def begin_key_rotation(self, rotation: KeyRotation, new: WrappingKey, event: AuditEvent) -> None:
        """Accept a second key.

        Raises:
            Conflict: Another change is not over, or the new key is the one in force.
            SealBroken: This process has no installation key.
        """

    def decide_key_rotation(self, new: WrappingKey, without: Sequence[str], event: AuditEvent) -> None:
        """Accept the new key alone, if each holder has confirmed it.

        Args:
            new: The new key. It must open the installation key.
            without: Hosts that are gone. Their holders are forgotten.
            event: The event for the audit log.

        Raises:
            Conflict: A holder has not confirmed, or no change is open.
            NotFound: No holder of such a host is known.
            SealBroken: The new key does not open the installation key.
        """

    def abort_key_rotation(self, event: AuditEvent) -> None:
        """Accept the old key alone again.

        Raises:
            Conflict: No change is open, it is decided, or a holder has confirmed the new key.
        """

    def close_key_rotation(self) -> None:
        """End a change that was decided."""

    def open_sealed_values(self) -> SealedValues:
        """Open every sealed value, and say which do not open.

        Raises:
            SealBroken: This process has no installation key.
        """
