"""Removes a device with its evidence and files, or a whole site."""

from datetime import timedelta
from typing import Protocol

from engage_server.errors import Conflict, NotFound, Refused, UsageError
from engage_server.records import AuditAction, AuditFilter, Occasion, every_item
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.sites.open_rotations import assert_in_no_open_rotation
from engage_server.services.sites.serials import read_serial
from engage_server.store.interface import (
    AuditStore,
    EvidenceStore,
    PageStore,
    ReleaseStore,
    RotationStore,
    SiteStore,
)

_OF_KEYS = (AuditAction.SITE_ADDED, AuditAction.SITE_KEY_EXPORTED, AuditAction.SITE_RENAMED)
_AT_ONCE = 500  # entries in memory
_CALLED_LATELY = timedelta(days=30)


class RemovalStore(SiteStore, ReleaseStore, RotationStore, EvidenceStore, AuditStore, PageStore, Protocol):
    """The part of the store that removals need."""


class Removal:
    """Removes devices and sites. Their entries in the audit log stay.

    Args:
        store: Holds the devices and sites.
        folders: Holds the devices' files.
    """

    def __init__(self, store: RemovalStore, folders: DeviceFolders) -> None:
        self._store = store
        self._folders = folders

    def site_of(self, serial: str, site: str | None) -> str:
        """The site that a device is removed from.

        Args:
            serial: 32 hexadecimal digits, or Base64 as devices send it.
            site: The site that the operator named; None for the only one that knows the device.

        Raises:
            UsageError: It is not a serial number, or several sites know the device.
            NotFound: There is no such site, or no site knows the device.
        """
        identity = read_serial(serial)
        if site is not None:
            return self._store.site(site).name
        owner = self._store.site_of_device(identity)
        listed = set() if owner is None else {owner}
        seen = {history.site for history in self._store.device_history(identity)}
        filed = {each.name for each in self._store.sites() if self._folders.exists(each.name, identity)}
        found = sorted(listed | seen | filed)
        if not found:
            raise _unknown(identity, "any site", "engage device list")
        if len(found) > 1:
            raise UsageError(
                f"device {identity} is known at sites {', '.join(found)}", "Name one of them: --site NAME."
            )
        return found[0]

    def has_files(self, site: str, serial: str) -> bool:
        """Whether this host has files of a device, even if they are all that is left of it.

        Args:
            site: The site's name.
            serial: 32 hexadecimal digits.
        """
        return self._folders.exists(site, serial)

    def device(self, serial: str, site: str, reason: str, occasion: Occasion) -> None:
        """Remove a device from a site: its place on the list, its evidence there, and its files.

        If it calls again, it is a new device. Uploads that wait for an upstream system are still delivered.

        Args:
            serial: 32 hexadecimal digits, or Base64 as devices send it.
            site: The site's name.
            reason: The reason for the audit log; may be "".
            occasion: Who and when.

        Raises:
            UsageError: It is not a serial number.
            NotFound: There is no such site, or it knows nothing about this device.
            NotPossible: Its files are in use, or cannot be removed.
        """
        identity = read_serial(serial)
        self._store.site(site)
        event = occasion.because(reason).event(AuditAction.DEVICE_REMOVED, site, device=identity)
        had_files = self._folders.remove(site, identity)
        if not self._store.remove_device(identity, site, event, had_files=had_files):
            raise _unknown(identity, f"site {site!r}", f"engage device list --site {site}")

    def assert_site_removable(self, name: str, destroys_key: bool, reason: str, occasion: Occasion) -> None:
        """Check that a site can be removed without locking out a door by mistake.

        1. Another site is the default, or there is no other site.
        2. No rotation of it is open, and none waits for it.
        3. Its key was exported, or the operator gave it up by name. Devices know no other key.
        4. No door called within 30 days, unless a reason is given. Virtual locks of a site for trials are not doors.

        Raises:
            NotFound: There is no such site.
            Conflict: It is the default among several sites, or a rotation needs it.
            Refused: Its key would be lost, or doors still call.
        """
        site = self._store.site(name)
        if site.is_default and len(self._store.sites()) > 1:  # 1
            raise Conflict(
                f"site {name!r} is the default site",
                "Make another one the default first: engage site default NAME",
                code="site.default",
            )
        assert_in_no_open_rotation(self._store, name)  # 2
        if not destroys_key and not self._is_key_exported(name):  # 3
            raise Refused(
                f"the site key of {name} was never exported. Without it, no door of the site can be served again",
                f"Export it: engage site export-key {name} FILE. Or give it up: --destroy-site-key {name}",
                code="site.key_not_exported",
            )
        lately = 0 if site.for_trials else self._store.devices_seen_since(name, occasion.now - _CALLED_LATELY)  # 4
        if lately and not (reason or occasion.reason).strip():
            doors = "1 door" if lately == 1 else f"{lately} doors"
            raise Refused(
                f"{doors} of {name} called within the last {_CALLED_LATELY.days} days",
                'To remove it anyway, give a reason: --reason "..."',
                code="site.in_use",
            )

    def site(self, name: str, destroys_key: bool, reason: str, occasion: Occasion) -> None:
        """Remove a site: its key, releases, list and evidence. Its devices' files and its chains' folders stay.

        Raises:
            As :meth:`assert_site_removable`.
        """
        self.assert_site_removable(name, destroys_key, reason, occasion)
        key = "destroyed" if destroys_key else "exported"
        event = occasion.because(reason).event(AuditAction.SITE_REMOVED, name, key=key)
        self._store.remove_site(name, event)

    def _is_key_exported(self, name: str) -> bool:
        """Whether the key was exported since the site was added, also under an earlier name of the site."""
        exported: dict[str, bool] = {}
        told = AuditFilter(actions=_OF_KEYS)
        for entry in every_item(lambda cursor: self._store.audit_page(told, cursor, _AT_ONCE, oldest_first=True)):
            site, action = entry.event.site, entry.event.action
            if action is AuditAction.SITE_ADDED:
                exported[site] = False
            elif action is AuditAction.SITE_KEY_EXPORTED:
                exported[site] = True
            elif action is AuditAction.SITE_RENAMED:
                exported[site] = exported.pop(entry.event.before.get("name", ""), False)
        return exported.get(name, False)


def _unknown(identity: str, where: str, command: str) -> NotFound:
    return NotFound(
        f"nothing is known about device {identity} in {where}",
        f"See which devices there are: {command}",
        code="device.not_found",
    )
