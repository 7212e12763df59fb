"""Imports devices with their files: they are checked, then listed, then stored, then recorded in the audit log."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from engage_server.records import DeviceLabel, Occasion
from engage_server.records.telling import Tell, tell_nobody
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.finding import FoundFile
from engage_server.services.sites.register import Sites
from engage_server.store.interface import ListChange


class DeviceImport:
    """Imports a list of devices, or their files.

    Args:
        sites: Holds the lists of devices.
        devices: Holds the devices' files.
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
        labels: Mapping[str, DeviceLabel] = MappingProxyType({}),
    ) -> ListChange:
        """Import devices, and return how many of them were on no list before, and how many have another name now.

        If a database is refused, nothing is changed. After an interruption, import the same again: a list contains a
        device once, and each file is written as a whole.

        Args:
            site: The site's name.
            serials: 32 upper-case hexadecimal digits each.
            files: The files of these devices; may be empty.
            occasion: Who and when.
            tell: Called with each serial number when its files are stored.
            labels: The names and places of some of them. Empty parts leave what is stored.

        Raises:
            NotFound: There is no such site.
            Conflict: A device belongs to another site.
            Refused: A database is not newer than the one that its device may already have.
            NotPossible: A file cannot be written, or the disk is full.
        """
        self._devices.assert_newer(site, files)
        changed = self._sites.add_list(serials, labels, site, occasion)
        self._devices.bring_in(site, files, occasion.now, tell)
        if files:
            self._sites.note_import(site, len(serials), len(files), occasion)
        return changed
