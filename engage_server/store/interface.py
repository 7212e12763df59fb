"""What the services ask of a store. The contract tests in ``tests/store`` hold every implementation against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engage_server.records import AuditEvent, Device, Release, Secret, Sighting, Site


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """A release before it has a number. The attributes are those of :class:`Release`."""

    site: str
    anchor_der: bytes = field(repr=False)
    anchor_hash: str
    chain: tuple[bytes, ...] = field(repr=False)
    root_der: bytes = field(repr=False)
    staged_at: datetime


class Store(Protocol):
    """Every method is one transaction. A method that changes something takes the audit event that tells of it.

    Raises, in every method:
        StoreNotUsable: The database does not answer or refuses.
    """

    def generation(self) -> int:
        """A number that grows with every change that a server must follow. Cheap: meant to be polled."""

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

    def add_device(self, device: Device, event: AuditEvent) -> None:
        """Remember to which site a serial number belongs. Adding it again to the same site changes nothing.

        Raises:
            NotFound: There is no such site.
            Conflict: The device belongs to another site.
        """

    def devices(self, site: str | None = None) -> Sequence[Device]:
        """All devices, or those of one site, by serial number."""

    def stage_release(self, draft: ReleaseDraft, private_key: Secret, event: AuditEvent) -> Release:
        """Keep a release under the site's next number. It is not served.

        Raises:
            NotFound: There is no such site.
        """

    def activate_release(self, site: str, number: int, at: datetime, event: AuditEvent) -> Release:
        """Make this release the site's current one and retire the one before, as one change.

        Activating the current release again changes nothing.

        Raises:
            NotFound: There is no such site or release.
        """

    def release(self, site: str, number: int) -> Release:
        """One release.

        Raises:
            NotFound: There is no such site or release.
        """

    def releases(self, site: str | None = None) -> Sequence[Release]:
        """All releases, or those of one site, by site and number."""

    def private_key(self, site: str, number: int) -> Secret:
        """The TLS private key of a release, PKCS#8 PEM, opened.

        Raises:
            NotFound: There is no such release.
            SealBroken: The key-encryption key is another, or missing.
        """

    def record(self, event: AuditEvent) -> None:
        """Write an audit event that goes with no other change."""

    def audit_events(self) -> Sequence[AuditEvent]:
        """The whole audit log, oldest first."""

    def record_sightings(self, segment: str, begin: int, end: int, sightings: Sequence[Sighting], at: datetime) -> bool:
        """Add what stood between two offsets of a spool file, and remember the second, in one transaction.

        Args:
            segment: The file's name, unique among all hosts.
            begin: Where the reading began; 0 for a file that was never read.
            end: Where it ended.
            sightings: What stood there.
            at: Now.

        Returns:
            False when somebody has recorded this stretch already: then nothing was added.
        """

    def spool_offsets(self, segments: Sequence[str]) -> Mapping[str, int]:
        """How far these spool files were recorded; those that never were are left out."""

    def sightings(self, *, since: datetime | None = None) -> Sequence[Sighting]:
        """The sightings, oldest first."""

    def forget_sightings(self, before: datetime) -> int:
        """Remove the sightings of before this time, and the offsets of files that were read then.

        Returns:
            How many sightings there were.
        """
