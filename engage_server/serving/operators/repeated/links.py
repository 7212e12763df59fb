"""Stores what links reported, and keeps the copy of the link tables that this host's ingress reads."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from engage_server.files import make_folder
from engage_server.services.evidence.spool import claim
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeated.repeating import Sentences
from engage_server.settings import Settings

SECONDS = 1.0
SENTENCES = Sentences(
    "what links report is not stored", "what links report is stored again", "storing what links report failed"
)
_SELDOM = timedelta(minutes=1)


class LinkChores:
    """What this instance does for the links.

    Without ``links.toml`` and without the ingress's folder it makes no file: then it only folds events that another
    host stored.

    Args:
        side: The services.
        settings: The settings.
        now: The clock.
    """

    def __init__(
        self, side: ActingSide, settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._side = side
        self._settings = settings
        self._now = now
        self._held: int | None = None
        self._seldom_at = datetime.min.replace(tzinfo=UTC)

    def run(self) -> None:
        """Do all of it once.

        Raises:
            EngageError: The store is down, a folder cannot be written, or another process does this already.
        """
        side, now = self._side.get(), self._now()
        side.kpn_devices.execute_waiting(now)
        if self._is_used():
            self._hold()
            side.ingress_copy.renew()
        side.path_event_transfer.run(now)
        if now >= self._seldom_at:
            side.kpn_devices.discard_old_sms(now)
            side.path_event_transfer.forget_old(now)
            self._seldom_at = now + _SELDOM

    def close(self) -> None:
        """Let another process do this."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _is_used(self) -> bool:
        return self._settings.links_file.exists() or self._settings.links_dir.is_dir()

    def _hold(self) -> None:
        make_folder(self._settings.links_dir)
        make_folder(self._settings.path_events_dir)
        if self._held is None:
            self._held = claim(self._settings.path_events_dir)
