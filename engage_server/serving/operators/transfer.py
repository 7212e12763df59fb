"""From this host's spool into the store, as the only one of this host."""

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
        spool: Its folder.
        transfer: What is run.
        exposition: Where it is counted.
        audit_head: Gives the audit log's newest entry, for the exposition.
    """

    def __init__(
        self, spool: Path, transfer: SightingTransfer, exposition: Exposition, audit_head: Callable[[], AuditHead]
    ) -> None:
        self._spool = spool
        self._transfer = transfer
        self._exposition = exposition
        self._audit_head = audit_head
        self._held: int | None = None
        self._clean_at = datetime.min.replace(tzinfo=UTC)
        self._caught_up_at = time.monotonic()

    def lateness(self) -> str:
        """Why sightings of this host may be missing in the store; "" when they are there."""
        late = time.monotonic() - self._caught_up_at
        return f"what devices did there waits in the spool since {late:.0f} s" if late > _LATE_SECONDS else ""

    def move(self) -> None:
        """Move what is there.

        Raises:
            EngageError: Another process holds the spool, or the store is away.
        """
        self._held = claim(self._spool) if self._held is None else self._held
        try:
            self._move(datetime.now(UTC))
        except StoreNotUsable:
            self._exposition.store_up.set(0)
            raise

    def _move(self, now: datetime) -> None:
        self._transfer.run(now, self._count)
        self._caught_up_at = time.monotonic()
        self._exposition.store_up.set(1)
        self._exposition.audit_head = self._audit_head()
        if now >= self._clean_at:
            self._transfer.forget_old(now)
            self._clean_at = now + _CLEANING

    def _count(self, batch: Transferred) -> None:
        """A batch is in the store: a run may have thousands, and end in trouble."""
        self._exposition.stored.inc(batch.stored)
        self._exposition.disregarded.inc(batch.disregarded)
        self._exposition.unreadable.inc(batch.unreadable)
