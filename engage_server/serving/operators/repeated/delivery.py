"""Delivers this host's waiting uploads to partners' systems and the database. Only one process of a host does it."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from engage_server.composition.device_side import DeviceSide
from engage_server.services.call_in.delivering.delivery import Delivered, UploadDelivery
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeated.repeating import Sentences
from engage_server.settings import Settings

SECONDS = 1.0
SENTENCES = Sentences("uploads stay on this host", "uploads are delivered again", "delivering uploads failed")


class Deliveries:
    """Delivers for each site with an upstream system or shared files. Each site's trouble, and its end, is logged once.

    Args:
        device_side: Knows the current sites.
        side: The services, with the key that seals what goes into the database.
        settings: The settings.
        log: Where trouble is logged.
        tell: Called with the result for each site's uploads.
    """

    def __init__(
        self,
        device_side: DeviceSide,
        side: ActingSide,
        settings: Settings,
        log: logging.Logger,
        tell: Callable[[Mapping[str, Delivered]], None],
    ) -> None:
        self._device_side = device_side
        self._side = side
        self._settings = settings
        self._log = log
        self._tell_all = tell
        self._deliveries: dict[tuple[str, str], UploadDelivery] = {}
        self._troubles: dict[tuple[str, str], str] = {}

    def deliver(self) -> None:
        """Deliver everything that can be delivered now.

        Raises:
            EngageError: A folder cannot be read, or an upstream system's address cannot be used. Or the database is
                another installation's since: then what is known of systems is of the one before.
        """
        self._device_side.assert_same_installation()
        self._deliveries = self._device_side.deliveries(
            self._settings, self._deliveries, lambda: self._side.get().shared_files
        )
        done: dict[str, Delivered] = {}
        for (site, destination), delivery in self._deliveries.items():
            found = delivery.run(lambda: datetime.now(UTC))
            for path in found.rejected:
                self._log.error("the %s of %s rejects an upload for good; it is kept: %s", destination, site, path)
            self._tell(site, destination, found)
            done[site] = found.with_those_of(done[site]) if site in done else found
        self._tell_all(done)

    def _tell(self, site: str, destination: str, done: Delivered) -> None:
        before = self._troubles.get((site, destination), "")
        if done.trouble and not before:
            self._log.error("uploads of %s wait for its %s (%s): %s", site, destination, done.waiting, done.trouble)
        elif before and not done.trouble:
            self._log.info("the %s of %s accepts uploads again", destination, site)
        self._troubles[site, destination] = done.trouble
