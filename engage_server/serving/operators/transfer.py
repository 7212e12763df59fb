"""Moves sightings from this host's spool to the store. Only one process of a host does it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engage_server.errors import StoreNotUsable
from engage_server.records import AuditHead
from engage_server.services.evidence.spool import claim
from engage_server.services.evidence.transfer import SightingTransfer, Transferred
from engage_server.serving.operators.exposition import Exposition
from engage_server.serving.operators.repeating import Sentences

SECONDS = 1.0
SENTENCES = Sentences("sightings stay in the spool", "sightings are stored again", "moving sightings failed")

_LATE_SECONDS = 60.0
_CLEANING = timedelta(hours=1)


class SpoolTransfer:
    """Moves sightings, and counts them.

    Args:
        spool: The spool's folder.
        transfer: Does the move.
        exposition: The metrics that count it.
        audit_head: Returns the audit log's newest entry, for the metrics.

    Attributes:
        is_store_away: Whether the last move failed because the store did not answer.
    """

    def __init__(
        self, spool: Path, transfer: SightingTransfer, exposition: Exposition, audit_head: Callable[[], AuditHead]
    ) -> None:
        self._spool = spool
        self._transfer = transfer
        self._exposition = exposition
        self._audit_head = audit_head
        self.is_store_away = False
        self._held: int | None = None
        self._clean_at = datetime.min.replace(tzinfo=UTC)
        self._caught_up_at = time.monotonic()

    def lateness(self) -> str:
        """Say why sightings of this host may be missing in the store. "" if none are."""
        late = time.monotonic() - self._caught_up_at
        return f"sightings of that host have waited in its spool for {late:.0f} s" if late > _LATE_SECONDS else ""

    def move(self) -> None:
        """Move the sightings that are there.

        Raises:
            EngageError: Another process holds the spool, or the store is down.
        """
        self._held = claim(self._spool) if self._held is None else self._held
        try:
            self._move(datetime.now(UTC))
        except StoreNotUsable:
            self.is_store_away = True
            self._exposition.store_up.set(0)
            raise

    def _move(self, now: datetime) -> None:
        self._transfer.run(now, self._count)
        self._caught_up_at = time.monotonic()
        self.is_store_away = False
        self._exposition.store_up.set(1)
        self._exposition.audit_head = self._audit_head()
        if now >= self._clean_at:
            self._transfer.forget_old(now)
            self._clean_at = now + _CLEANING

    def _count(self, batch: Transferred) -> None:
        """Count a batch that is in the store. A run may have thousands of batches, and may fail after some."""
        self._exposition.stored.inc(batch.stored)
        self._exposition.disregarded.inc(batch.disregarded)
        self._exposition.unreadable.inc(batch.unreadable)
