"""Where alerts go, and what waits to be sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import (
    AlertMark,
    AuditEvent,
    OutboxEntry,
    OutboxFigures,
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
        """Stop sending to a recipient, and give up what waits for it. False if it is off already, or gone."""

    def switch_recipient_on(self, name: str) -> bool:
        """Send to a recipient again. What was given up stays so. False if it is on already, or gone."""


class OutboxStore(Protocol):
    """What waits to be sent. One row decides over all nodes. All times of it are by the database's clock."""

    def alert_marks(self) -> Sequence[AlertMark]:
        """Return what all nodes remember of what was said."""

    def put_in_outbox(self, entries: Sequence[OutboxEntry], marks: Sequence[AlertMark] = ()) -> bool:
        """Add entries that are due at once, and change marks, in one transaction.

        An entry whose kind, site, period and recipient are there already is left out. So is one for a recipient who is
        gone or off.

        Args:
            entries: Their state, version, attempts and times are not read.
            marks: Each with the version that its reader saw. A value of None removes it.

        Returns:
            False if somebody else has changed one of the marks: then nothing was done.
        """

    def due_recipients(self) -> Sequence[str]:
        """Return who has entries that are due, by the oldest of them."""

    def claim_from_outbox(
        self, holder: str, seconds: float, limit: int, recipient: str | None = None
    ) -> Sequence[OutboxEntry]:
        """Claim entries that are due, oldest first: nobody else gets them meanwhile.

        An entry whose claim ran out is due again. If it was handed over, and its channel may not repeat, it becomes
        unsure instead.

        Args:
            holder: Who claims, such as ``host/pid``.
            seconds: For how long.
            limit: How many at most.
            recipient: Only entries of this one. None: of all.
        """

    def hand_over_in_outbox(self, entry: OutboxEntry, seconds: float) -> OutboxEntry | None:
        """Record that a claimed entry is about to be sent for good, and extend its claim.

        Args:
            entry: With the version that the claim returned.
            seconds: How long the claim holds from now on.

        Returns:
            The entry with its new version. None if somebody else has claimed it since: then it must not be sent.
        """

    def end_in_outbox(self, entry: OutboxEntry, pause: float = 0.0) -> bool:
        """Store the state and trouble of a claimed entry. False if somebody else has claimed it since.

        Args:
            entry: With the version that the claim or the hand-over returned. If its state is ``waiting``, it is due
                again after the pause.
            pause: In seconds.
        """

    def outbox(self, limit: int, *, only_waiting: bool = False) -> Sequence[OutboxEntry]:
        """Return the newest entries, newest first."""

    def outbox_clock(self) -> datetime:
        """Return the database's time, by which entries were made: a host's own clock may be wrong."""

    def outbox_figures(self) -> OutboxFigures:
        """Count the entries by their states."""

    def forget_old_in_outbox(self, before: datetime) -> int:
        """Remove entries that ended before this time. Return how many."""


class AlertStore(RecipientStore, OutboxStore, Protocol):
    """Both."""


__all__ = ["AlertStore", "OutboxStore", "RecipientStore"]
