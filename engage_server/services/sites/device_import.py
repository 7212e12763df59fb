"""Devices that come with their files: judged first, then listed, then stored, then told in the audit log."""

from collections.abc import Sequence

from engage_server.records import Occasion
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.finding import FoundFile
from engage_server.services.sites.register import Sites


class DeviceImport:
    """Imports a list of devices, or their files.

    Args:
        sites: Has their lists.
        devices: Has their files.
    """

    def __init__(self, sites: Sites, devices: DeviceExchange) -> None:
        self._sites = sites
        self._devices = devices

    def run(
        self,
        site: str,
        serials: Sequence[str],
        files: Sequence[FoundFile],
        occasion: Occasion,
        tell: Tell = tell_nobody,
    ) -> int:
        """Import them; how many devices were on no list before.

        A database that is refused is refused before anything is changed. What breaks off later is done again by
        importing the same once more: a list holds a device once, and each file is written whole.

        Args:
            site: The site's name.
            serials: 32 upper-case hexadecimal digits each.
            files: Of these devices; may be none.
            occasion: Who and when.
            tell: Called with each serial number whose files are there.

        Raises:
            NotFound: There is no such site.
            Conflict: A device belongs to another site.
            Refused: A database is not newer than the one that its device may have already.
            NotPossible: A file or the disk stood in the way.
        """
        self._devices.assert_newer(site, files)
        added = self._sites.add_devices(serials, site, occasion)
        self._devices.bring_in(site, files, occasion.now, tell)
        if files:
            self._sites.note_import(site, len(serials), len(files), occasion)
        return added
