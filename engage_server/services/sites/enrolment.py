"""Adds devices that called in to their site's list, if the site enrols unknown devices."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from engage_server.errors import Conflict
from engage_server.records import Occasion, UnknownDevices
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.sites.register import Sites
from engage_server.store.interface import SiteStore

_LOOK_BACK = timedelta(days=30)  # at the start, because this may not have run for a while
_BATCH_BYTES = 1024 * 1024
_OVERLAP = timedelta(hours=1)  # sightings may still wait in a spool


class Enrolment:
    """Enrols devices that called in. One on each host is enough; two at the same moment do no harm.

    Args:
        store: Holds the sightings.
        sites: Holds the lists of devices.
        reserve: The room that must stay free on the store's disk; None for none.
    """

    def __init__(self, store: SiteStore, sites: Sites, reserve: DiskReserve | None = None) -> None:
        self._store = store
        self._reserve = reserve
        self._sites = sites
        self._looked_at: datetime | None = None

    def run(self, occasion: Occasion, tell: Tell = tell_nobody) -> None:
        """Enrol the devices that called since the last run, and report one sentence for each site.

        Raises:
            StoreNotUsable: The database is away.
            NotPossible: Its disk has only the operators' reserve left.
        """
        if self._reserve is not None:
            self._reserve.assert_room(_BATCH_BYTES)
        since = (self._looked_at - _OVERLAP) if self._looked_at else occasion.now - _LOOK_BACK
        for site in self._sites.all():
            if site.call_in.unknown is UnknownDevices.ENROLL:
                serials = self._store.callers_to_add(site.name, since)
                added = self._add_all(serials, site.name, occasion)
                if added:
                    devices = "1 device" if added == 1 else f"{added} devices"
                    tell(f"{devices} called in and joined the list of {site.name}")
        self._looked_at = occasion.now

    def _add_all(self, serials: Sequence[str], site: str, occasion: Occasion) -> int:
        """Add them as one change: each change makes an entry in the audit log and a new snapshot for every worker."""
        if not serials:
            return 0
        try:
            return self._sites.add_devices(serials, site, occasion)
        except Conflict:  # one of them was just added to another site's list
            return sum(self._add(serial, site, occasion) for serial in serials)

    def _add(self, serial: str, site: str, occasion: Occasion) -> int:
        try:
            return self._sites.add_devices([serial], site, occasion)
        except Conflict:  # just added to another site's list
            return 0
