"""Gives one device another file, as an access-control system asks for it: one entry in the audit log for each."""

from typing import Any, Protocol

from engage_server.errors import Conflict, NotFound
from engage_server.records import AuditAction, Device, Occasion
from engage_server.services.device_files.for_devices import FileForDevice, FilesForDevices, VersionedFile
from engage_server.store.interface import AuditStore, SiteStore


class FileChangeStore(SiteStore, AuditStore, Protocol):
    """The part of the store that these changes need."""


class DeviceFileChange:
    """Changes devices' files.

    Args:
        store: Holds the lists of devices, and the audit log.
        files: The files on this host.
    """

    def __init__(self, store: FileChangeStore, files: FilesForDevices) -> None:
        self._store = store
        self._files = files

    def put(
        self,
        site: str,
        serial: str,
        file: FileForDevice,
        value: dict[str, Any],
        seen: str | None,
        occasion: Occasion,
    ) -> VersionedFile:
        """Replace a file, if it is still the one that the caller has seen. A device on no list is put on the site's.

        The order is: the new content is written under another name, then comes the entry in the audit log, then the
        rename. If the process is killed before the entry, nothing has changed. If it is killed after it, the log names
        a change that did not happen. Its caller got no answer, and may send the same again. The other way
        round, nobody would ever learn who changed who may open a door.

        Args:
            site: The site's name.
            serial: 32 upper-case hexadecimal digits.
            file: Which file.
            value: Its content, from :func:`~engage_server.services.device_files.for_devices.judged`.
            seen: The version that the caller has seen. "" for no file, None for any.
            occasion: Who, when and why.

        Raises:
            NotFound: There is no such site, or the device belongs to another one.
            Conflict: It is another version.
            Refused: The database is not newer than the present one.
            NotPossible: It cannot be written.
        """
        self._store.site(site)
        owner = self.owner(site, serial)
        event = occasion.event(AuditAction.DEVICES_IMPORTED, site, device=serial, files=file.value, devices="1")

        def record() -> None:
            self.assert_here(site)
            device = Device(serial, site, occasion.now)
            try:
                is_new = owner is None and self._store.add_device(device, event)
            except Conflict:
                raise of_another_site(serial, site) from None
            if not is_new:
                self._store.record(event)

        return self._files.put(site, serial, file, value, seen, record)

    def assert_here(self, site: str) -> None:
        """Called with the lock of the device's folder, before anything is recorded.

        The move of a site's files takes this lock for each device, after the site was changed. So what passes this
        check is moved along.
        """

    def owner(self, site: str, serial: str) -> str | None:
        """The site on whose list the device is: this one, or None for none.

        Raises:
            NotFound: It belongs to another site.
        """
        owner = self._store.site_of_device(serial)
        if owner not in (None, site):
            raise of_another_site(serial, site)
        return owner


def of_another_site(serial: str, site: str) -> NotFound:
    """The error for a device of another site. That site is not named: the caller may have no role there."""
    return NotFound(
        f"device {serial} does not belong to site '{site}'",
        "Check the serial number and the site.",
        code="device.not_found",
    )
