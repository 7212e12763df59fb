"""Where alerts go, and what waits to be sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import (
    AlertKind,
    AlertMessage,
    AuditEvent,
    OutboxEntry,
    Recipient,
    Secret,
)


class RecipientStore(Protocol):
    """Where alerts go."""

    def recipients(self) -> Sequence[Recipient]:
        """Return all of them, by name."""

    def add_recipient(self, recipient: Recipient, secret: Secret | None, event: AuditEvent) -> None:
        """Add one, and seal its secret.

        Raises:
            Conflict: There is one of this name.
        """

    def remove_recipient(self, name: str, event: AuditEvent) -> None:
        """Remove one, and what waits for it.

        Raises:
            NotFound: There is none.
        """

    def recipient_secret(self, name: str) -> Secret | None:
        """Open the secret of a recipient. None: it has none.

        Raises:
            NotFound: There is no such recipient.
            SealBroken: It cannot be opened.
        """

    def switch_recipient_off(self, name: str, at: datetime, why: str) -> bool:
        """Stop sending to a recipient. False if it is off already, or gone."""


class OutboxStore(Protocol):
    """What waits to be sent. One row decides over all nodes."""

    def put_in_outbox(self, entries: Sequence[OutboxEntry]) -> int:
        """Add entries. One whose kind, site, period and recipient are there already is left out.

        Returns:
            How many were added.
        """

    def claim_from_outbox(self, holder: str, seconds: float, limit: int) -> Sequence[OutboxEntry]:
        """Claim entries that are due, oldest first, by the database's clock: nobody else gets them meanwhile.

        An entry whose claim ran out is due again, if its channel may repeat. Else it becomes unsure.

        Args:
            holder: Who claims, such as ``host/pid``.
            seconds: For how long.
            limit: How many at most.
        """

    def end_in_outbox(self, entry: OutboxEntry) -> bool:
        """Store the state, attempts, time and trouble of a claimed entry. False if somebody else has claimed it since.

        Args:
            entry: With the version that the claim returned.
        """

    def outbox(self, limit: int, *, only_waiting: bool = False) -> Sequence[OutboxEntry]:
        """Return the newest entries, newest first."""

    def forget_old_in_outbox(self, before: datetime) -> int:
        """Remove entries that ended before this time. Return how many."""


class AlertStore(RecipientStore, OutboxStore, Protocol):
    """Both."""


__all__ = ["AlertKind", "AlertMessage", "AlertStore", "OutboxStore", "RecipientStore"]
