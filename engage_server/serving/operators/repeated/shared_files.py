"""Keeps this host's copy of the files that all hosts share. Only one process of a host does it."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from engage_server.composition.device_side import DeviceSide
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeated.repeating import Sentences
from engage_server.settings import Settings

SECONDS = 1.0
SENTENCES = Sentences(
    "devices get the files that this host has", "shared files are copied again", "copying shared files failed"
)
RETENTION_SECONDS = 600.0
RETENTION_SENTENCES = Sentences(
    "old uploads stay in the database",
    "old uploads are removed from the database again",
    "removing old uploads from the database failed",
)


class Copies(Protocol):
    """What :meth:`DeviceSide.shared_copies` gives."""

    behind: Mapping[str, datetime]

    def run(self, now: datetime) -> None:
        """Copy what changed."""


class CopiedFiles:
    """Copies what changed, for each site with shared files.

    Args:
        device_side: Knows the current sites.
        side: The services, with the key that opens the files.
        settings: The settings.
        log: Where it is logged that a file is left as it is.
    """

    def __init__(self, device_side: DeviceSide, side: ActingSide, settings: Settings, log: logging.Logger) -> None:
        self._device_side = device_side
        self._side = side
        self._settings = settings
        self._log = log
        self._copies: Copies | None = None

    def copy(self) -> None:
        """Copy what changed.

        Raises:
            EngageError: The store is down, its key is missing, or a file cannot be written.
        """
        if self._copies is None:
            if not self._device_side.shares_files():
                self._device_side.end_shared_copies(self._settings)
                return
            store = self._side.get().shared_files
            self._copies = self._device_side.shared_copies(self._settings, store, self._tell, _now)
        self._copies.run(_now())

    @property
    def behind(self) -> Mapping[str, datetime]:
        """Since when the copy of a site lacks a change. Sites whose copy has all are not in it."""
        return {} if self._copies is None else self._copies.behind

    @property
    def behind_for(self) -> timedelta | None:
        """How long the copy of any site has lacked a change. None: all have all."""
        since = min(self.behind.values(), default=None)
        return None if since is None else _now() - since

    def forget_old_uploads(self) -> None:
        """Remove uploads that have been in the database for longer than the settings say.

        Raises:
            EngageError: The store is down.
        """
        if self._device_side.shares_files():
            self._side.get().upload_retention.run()

    def _tell(self, site: str, serial: str, fault: str) -> None:
        self._log.error("%s: %s", f"{serial} ({site})" if serial else site, fault)


def _now() -> datetime:
    return datetime.now(UTC)
