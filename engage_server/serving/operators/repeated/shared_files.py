"""Keeps this host's copy of the files that all hosts share. Only one process of a host does it."""

import logging
from datetime import UTC, datetime

from engage_server.composition.device_side import DeviceSide
from engage_server.serving.operators.repeated.repeating import Sentences
from engage_server.settings import Settings

SECONDS = 1.0
SENTENCES = Sentences(
    "devices get the files that this host has", "shared files are copied again", "copying shared files failed"
)


class CopiedFiles:
    """Copies what changed, for each site with shared files.

    Args:
        device_side: Knows the current sites, and the store.
        settings: The settings.
        log: Where it is logged that a file is left as it is.
    """

    def __init__(self, device_side: DeviceSide, settings: Settings, log: logging.Logger) -> None:
        def tell(site: str, serial: str, fault: str) -> None:
            log.error("%s: %s", f"{serial} ({site})" if serial else site, fault)

        self._copies = device_side.shared_copies(settings, tell, lambda: datetime.now(UTC))

    def copy(self) -> None:
        """Copy what changed.

        Raises:
            EngageError: The store is down, or a file cannot be written.
        """
        self._copies.run()
