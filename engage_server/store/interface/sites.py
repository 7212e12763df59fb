"""Sites, their keys, and the devices on their lists."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import AuditEvent, Device, Secret, Site, StaticCertificate


class SiteStore(Protocol):
    """Sites, their keys, and the devices on their lists."""

    def sites(self) -> Sequence[Site]:
        """All sites, by name."""

    def site(self, name: str) -> Site:
        """One site.

        Raises:
            NotFound: There is none of this name.
        """

    def add_site(self, site: Site, key: Secret, event: AuditEvent) -> Site:
        """Add a site; the first of an installation becomes the default whatever ``site.is_default`` says.

        Raises:
            Conflict: The name or one of the hosts is taken.
        """

    def change_site(self, site: Site, event: AuditEvent) -> Site:
        """Give the site of this name these hosts, networks, local addresses, and this way to answer call-ins.

        All else of it stays as it is.

        Raises:
            NotFound: There is no such site.
            Conflict: A host or local address is another site's.
        """

    def make_default(self, name: str, event: AuditEvent) -> None:
        """Let this site answer for requests that name none.

        Raises:
            NotFound: There is no such site.
        """

    def site_key(self, name: str) -> Secret:
        """The site's key, opened.

        Raises:
            NotFound: There is no such site.
            SealBroken: The key-encryption key is another, or missing.
        """

    def static_certificates(self) -> Sequence[StaticCertificate]:
        """What the vendor's sample gave, of all sites."""

    def put_static_certificates(self, site: str, certificates: Sequence[StaticCertificate], event: AuditEvent) -> None:
        """Give these names of a site these certificates; other names stay as they are.

        Raises:
            NotFound: There is no such site.
        """

    def add_device(self, device: Device, event: AuditEvent) -> None:
        """Remember to which site a serial number belongs. Adding it again to the same site changes nothing.

        Raises:
            NotFound: There is no such site.
            Conflict: The device belongs to another site.
        """

    def add_devices(self, devices: Sequence[Device], site: str, event: AuditEvent) -> int:
        """Add many of one site, all or none; how many were not there before.

        Raises:
            NotFound: There is no such site.
            Conflict: One belongs to another site.
        """

    def remove_device(self, serial: str, site: str, event: AuditEvent, *, had_files: bool) -> bool:
        """Take a device from the site's list, and forget what is known of it there.

        Args:
            serial: 32 upper-case hexadecimal digits.
            site: The site's name.
            event: What the audit log shall say.
            had_files: Whether files of it were removed: then the event is written even if nothing else was known.

        Returns:
            Whether anything of it was there, the files counted.
        """

    def rename_site(self, name: str, new: str, event: AuditEvent) -> None:
        """Give a site another name wherever it stands, but in the audit log, and seal its keys anew.

        Nothing may write down what devices do meanwhile.

        Raises:
            NotFound: There is no such site.
            SealBroken: A key of it does not open.
        """

    def remove_site(self, name: str, event: AuditEvent) -> None:
        """Remove a site with its key, hosts, releases, rotations, list and evidence. Raw sightings stay.

        Raises:
            NotFound: There is no such site.
        """

    def devices(self, site: str | None = None) -> Sequence[Device]:
        """All devices, or those of one site, by serial number."""

    def device_serials(self, site: str) -> Sequence[str]:
        """The serial numbers of one site's devices, in no order.

        Raises:
            NotFound: There is no such site.
        """

    def devices_versions(self) -> Mapping[str, str]:
        """For each site that has devices a text that changes with its list of them. Quicker than the list."""

    def callers_to_add(self, site: str, since: datetime) -> Sequence[str]:
        """The serial numbers that called in since then, were answered, and are on no site's list yet."""
