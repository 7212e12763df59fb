"""Sites, their keys, and the devices on their lists."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import AuditEvent, Device, DeviceLabel, Secret, Site, StaticCertificate
from engage_server.store.interface.values import ListChange


class SiteStore(Protocol):
    """Sites, their keys, and the devices on their lists."""

    def sites(self) -> Sequence[Site]:
        """Return all sites, by name."""

    def site(self, name: str) -> Site:
        """Return one site.

        Raises:
            NotFound: There is no site of this name.
        """

    def add_site(self, site: Site, key: Secret, event: AuditEvent) -> Site:
        """Add a site. The first of an installation becomes the default, whatever ``site.is_default`` says.

        Raises:
            Conflict: The name or one of the hosts is taken.
        """

    def change_site(self, site: Site, event: AuditEvent, *, approvals: int | None = None) -> Site:
        """Set the hosts, networks, local addresses, evidence, title, zone and call-in way of the site of this name.

        Everything else stays as it is.

        Args:
            site: As it will be.
            event: The event for the audit log.
            approvals: How many approvals it needs from now on. None leaves that as it is, whatever ``site`` has: it may
                have been read before another operator changed it.

        Raises:
            NotFound: There is no such site.
            Conflict: A host or local address belongs to another site.
        """

    def make_default(self, name: str, event: AuditEvent) -> None:
        """Make this site answer requests that name no site.

        Raises:
            NotFound: There is no such site.
        """

    def site_key(self, name: str) -> Secret:
        """Return the site's key, opened.

        Raises:
            NotFound: There is no such site.
            SealBroken: The key-encryption key is another one, or missing.
        """

    def static_certificates(self) -> Sequence[StaticCertificate]:
        """Return the certificates that the vendor's sample served, of all sites."""

    def put_static_certificates(self, site: str, certificates: Sequence[StaticCertificate], event: AuditEvent) -> None:
        """Set the certificates of these names of a site. Other names stay as they are.

        Raises:
            NotFound: There is no such site.
        """

    def add_device(self, device: Device, event: AuditEvent) -> bool:
        """Record the site of a serial number, and its label. Adding it again to the same site changes only its label.

        An empty part of the label leaves what is stored.

        Returns:
            Whether it was new.

        Raises:
            NotFound: There is no such site.
            Conflict: The device belongs to another site.
        """

    def add_devices(self, devices: Sequence[Device], site: str, event: AuditEvent) -> ListChange:
        """Add many devices of one site with their labels, all or none. Return how many were new.

        An empty part of a label leaves what is stored.

        Raises:
            NotFound: There is no such site.
            Conflict: A device belongs to another site.
        """

    def label_device(
        self,
        identity: str,
        site: str,
        event: AuditEvent,
        *,
        name: str | None,
        place: str | None,
        expected: DeviceLabel | None = None,
    ) -> DeviceLabel:
        """Set what people call a device, and return its label. The event is written with it as it is, and as it was.

        Args:
            identity: Its serial number, or its address.
            site: The site's name.
            event: The event for the audit log. If nothing changes, it is not written.
            name: Its name. "" removes it. None leaves it.
            place: Its place, in the same way.
            expected: Its label when the operator decided. None: whatever it was.

        Raises:
            Conflict: Its label is another one (``precondition.failed``).
            NotFound: There is no such site, or the device is not on its list and was never seen there.
        """

    def device_labels(self, site: str, identities: Collection[str]) -> Mapping[str, DeviceLabel]:
        """Return the labels of those of these devices that have one at this site.

        Raises:
            NotFound: There is no such site.
        """

    def has_labels(self, site: str) -> bool:
        """Whether any device of the site has a label.

        Raises:
            NotFound: There is no such site.
        """

    def remove_device(self, serial: str, site: str, event: AuditEvent, *, had_files: bool) -> bool:
        """Remove a device from the site's list, and forget what is known about it there. Its label goes, too.

        Args:
            serial: 32 upper-case hexadecimal digits.
            site: The site's name.
            event: The event for the audit log.
            had_files: Whether files of it were removed. Then the event is written even if nothing else was known.

        Returns:
            Whether anything of it existed, including the files.
        """

    def rename_site(self, name: str, new: str, event: AuditEvent) -> None:
        """Rename a site everywhere except in the audit log, and seal its keys again.

        Roles at it hold under its new name.

        What devices do must not be recorded at the same time.

        Raises:
            NotFound: There is no such site.
            SealBroken: One of its keys cannot be opened.
        """

    def remove_site(self, name: str, event: AuditEvent) -> None:
        """Remove a site with its key, hosts, releases, rotations, list and evidence. Raw sightings stay.

        Roles at it end: another site may get its name.

        Raises:
            NotFound: There is no such site.
        """

    def site_of_device(self, serial: str) -> str | None:
        """Return the site on whose list a serial number is. None if it is on none."""

    def device_serials(self, site: str) -> Sequence[str]:
        """Return the serial numbers of one site's devices, in no order.

        Raises:
            NotFound: There is no such site.
        """

    def devices_versions(self) -> Mapping[str, str]:
        """Return a text for each site with devices that changes with its list of them. Faster than the list."""

    def callers_to_add(self, site: str, since: datetime) -> Sequence[str]:
        """Return the serial numbers that called in since then, were answered, and are on no site's list yet."""
