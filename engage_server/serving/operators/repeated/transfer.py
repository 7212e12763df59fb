"""Moves sightings from this host's spool to the store. Only one process of a host does it."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engage_server.errors import EngageError, StoreNotUsable
from engage_server.records import AuditHead
from engage_server.services.evidence.spool import claim, spooled_bytes
from engage_server.services.evidence.transfer import SightingTransfer, Transferred
from engage_server.serving.operators.exposition import Exposition
from engage_server.serving.operators.repeated.repeating import Sentences

SECONDS = 1.0
SENTENCES = Sentences("sightings stay in the spool", "sightings are stored again", "moving sightings failed")

_LATE_SECONDS = 60.0
_CLEANING = timedelta(hours=1)
_REPORT_SECONDS = 5.0
_NEXT_WORD_SECONDS = 6.0  # after which this instance has reported to the store again
_PATIENCE_SECONDS = 30.0


class SpoolTransfer:
    """Moves sightings, and counts them.

    Args:
        spool: The spool's folder.
        transfer: Does the move.
        exposition: The metrics that count it.
        audit_head: Returns the audit log's newest entry, for the metrics.
        report: Records in the store how many octets wait here. If this host dies, they are lost.
        tell: Called with a sentence that operators should read.

    Attributes:
        is_store_away: Whether the last move failed because the store did not answer.
    """

    def __init__(
        self,
        spool: Path,
        transfer: SightingTransfer,
        exposition: Exposition,
        audit_head: Callable[[], AuditHead],
        report: Callable[[int], None],
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._spool = spool
        self._transfer = transfer
        self._exposition = exposition
        self._audit_head = audit_head
        self.is_store_away = False
        self._held: int | None = None
        self._clean_at = datetime.min.replace(tzinfo=UTC)
        self._caught_up_at = time.monotonic()
        self._report, self._report_at = report, 0.0
        self._moved = threading.Event()
        self._began_late = self._has_lines()
        self._moving = threading.Lock()
        self._tell = tell
        self._went_back = self._transfer.rewinds.said(datetime.now(UTC))

    def lateness(self) -> str:
        """Say why sightings of this host may be missing in the store. "" if none are.

        Before the first move nobody knows how long those have waited that an earlier process left here.
        """
        if self._began_late and not self._moved.is_set():
            return "sightings of that host lie in its spool since before its start"
        if self._went_back is not None:
            return self._went_back.sentence
        late = time.monotonic() - self._caught_up_at
        return f"sightings of that host have waited in its spool for {late:.0f} s" if late > _LATE_SECONDS else ""

    def when_judged(self, reported: threading.Event) -> threading.Event:
        """An event for what judges doors. It is set when the store knows what this host knows, or if that takes long.

        Args:
            reported: Set when this instance has reported to the store.
        """
        judged = threading.Event()

        def wait() -> None:
            reported.wait()
            self._moved.wait(_PATIENCE_SECONDS)
            if self._began_late:
                judged.wait(_NEXT_WORD_SECONDS)
            judged.set()

        threading.Thread(target=wait, name="first-transfer", daemon=True).start()
        return judged

    def move(self) -> None:
        """Move the sightings that are there.

        Raises:
            EngageError: Another process holds the spool, or the store is down.
        """
        with self._moving:
            self._held = claim(self._spool) if self._held is None else self._held
            try:
                self._move(datetime.now(UTC))
            except StoreNotUsable:
                self.is_store_away = True
                self._exposition.store_up.set(0)
                raise

    def sign_off(self) -> None:
        """Move what is left, and say in the store how much waits here after that.

        The instances for devices of this host have ended before, if one supervisor ends all of them.

        Raises:
            EngageError: The store is down: this host's last word is an earlier one.
        """
        with suppress(EngageError):  # such as for a disk that is full: then it is said how much waits
            self.move()
        self._report(self._transfer.waiting_bytes())

    def _move(self, now: datetime) -> None:
        self._say_what_waits()
        try:
            self._transfer.run(now, self._count)
        finally:
            self._look_back(now)
        self._caught_up_at = time.monotonic()
        self._moved.set()
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
        self._say_what_waits()

    def _say_what_waits(self) -> None:
        if time.monotonic() >= self._report_at:
            self._report(self._transfer.waiting_bytes())
            self._report_at = time.monotonic() + _REPORT_SECONDS

    def _look_back(self, now: datetime) -> None:
        """Say once that this machine went back to a snapshot."""
        found = self._transfer.rewinds.said(now)
        if found is not None and found != self._went_back:
            self._tell(f"{found.sentence}. Its files go on under new names. No door counts as silent for a day.")
        self._went_back = found

    def _has_lines(self) -> bool:
        try:
            return spooled_bytes(self._spool) > 0
        except OSError:  # the first move says why
            return False
