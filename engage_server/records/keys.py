"""The key-encryption key as the store knows it: which ones are accepted, who holds which, and a change of it.

A key is known by its id, a digest. No value here holds a key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AcceptedKey:
    """A key-encryption key that opens the installation key.

    Attributes:
        key_id: Its id.
        added_at: Since when; aware, UTC.
    """

    key_id: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A process that needs the key-encryption key, as it last reported.

    Attributes:
        host: The name of its machine.
        place: Its data folder. After ``serve https:`` for a TLS instance, which reads the key only when it starts.
        key_id: The id of the key that its source gave last. "" if it gave none.
        source: Where that key comes from, for people: ``file /etc/engage-server/engage.kek``.
        trouble: Why this key does not open the installation key. "" if it does.
        read_at: When the source was last read, by the database's clock.
        is_alive: Whether it reported a moment ago. Not stored.
    """

    host: str
    place: str
    key_id: str
    source: str
    trouble: str = ""
    read_at: datetime | None = None
    is_alive: bool = False

    @property
    def name(self) -> str:
        """The holder in one text."""
        return f"{self.host} ({self.place})"


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """A change of the key-encryption key that is not over.

    Attributes:
        old: The id of the key before.
        new: The id of the key that replaces it.
        begun_at: When; aware, UTC.
        begun_by: Who.
        is_decided: Whether the old key is not accepted any more. Only files are left to clean up.
    """

    old: str
    new: str
    begun_at: datetime
    begun_by: str
    is_decided: bool = False

    def missing(self, holders: Sequence[KeyHolder]) -> tuple[KeyHolder, ...]:
        """The holders that have not confirmed the new key."""
        return tuple(each for each in holders if each.key_id != self.new or each.trouble)


@dataclass(frozen=True, slots=True)
class SealedValues:
    """The result of opening every sealed value.

    Attributes:
        count: How many there are.
        broken: What does not open, by its purpose.
    """

    count: int
    broken: tuple[str, ...]
