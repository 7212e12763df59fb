"""What the services ask of a store. The contract tests in ``tests/store`` hold every implementation against it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.records import (
    Adoption,
    AuditEntry,
    AuditEvent,
    AuditHead,
    AuditVerdict,
    Device,
    DeviceHistory,
    Grade,
    Release,
    RequiredEvidence,
    Rotation,
    Secret,
    Sighting,
    Site,
    StaticCertificate,
    WorkerStatus,
)
from engage_server.store.interface.values import RECENT_REPORT, DeviceFilter, Fold, Place, ReleaseDraft

__all__ = ["RECENT_REPORT", "DeviceFilter", "Fold", "Place", "ReleaseDraft", "Store"]


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

    def static_certificates(self) -> Sequence[StaticCertificate]:
        """What the vendor's sample gave, of all sites."""

    def put_static_certificates(self, site: str, certificates: Sequence[StaticCertificate], event: AuditEvent) -> None:
        """Give these names of a site these certificates; other names stay as they are.

        Raises:
            NotFound: There is no such site.
        """

    def stage_release(self, draft: ReleaseDraft, private_key: Secret, event: AuditEvent) -> Release:
        """Keep a release under the site's next number. It is not served.

        Raises:
            NotFound: There is no such site.
        """

    def activate_release(
        self, site: str, number: int, expected: int | None, at: datetime, event: AuditEvent
    ) -> Release:
        """Make this release the site's current one and retire the one before, as one change.

        Activating the current release again changes nothing.

        Args:
            site: The site's name.
            number: The release.
            expected: What the operator saw as current when they decided; None for nothing.
            at: Now.
            event: What the audit log shall say.

        Raises:
            NotFound: There is no such site or release.
            Conflict: Another one than the expected is current, or the release's key is destroyed.
        """

    def release_before(self, site: str) -> int | None:
        """The release that a roll-back leads to; None when there is none that still has its key.

        Raises:
            NotFound: There is no such site.
        """

    def roll_back_release(self, site: str, number: int, expected: int, at: datetime, event: AuditEvent) -> Release:
        """Make a release current again that was so before; what came after it is no longer what was before.

        Raises:
            NotFound: There is no such site or release.
            Conflict: Another one than the expected is current, or the release's key is destroyed.
        """

    def retire_release(self, site: str, number: int, at: datetime, event: AuditEvent) -> Release:
        """Destroy the private key of a release that is not served. Its DER stays downloadable.

        Raises:
            NotFound: There is no such site or release.
            Conflict: It is current, or has no key any more.
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
            Conflict: The key is destroyed.
            SealBroken: The key-encryption key is another, or missing.
        """

    def release_key(self) -> Secret:
        """What opens the private keys of all releases, and nothing else. It never changes.

        Raises:
            SealBroken: This process has no key-encryption key.
        """

    def record(self, event: AuditEvent) -> None:
        """Write an audit event that goes with no other change."""

    def audit_events(self) -> Sequence[AuditEvent]:
        """The whole audit log, oldest first."""

    def audit_entries(self) -> Sequence[AuditEntry]:
        """The same with numbers and hashes."""

    def audit_head(self) -> AuditHead:
        """The newest entry's number and hash."""

    def audit_verdict(self) -> AuditVerdict:
        """Whether every entry is as it was written, and none is missing.

        Raises:
            SealBroken: This process has no key-encryption key.
        """

    def record_sightings(
        self, segment: str, begin: int, end: int, sightings: Sequence[Sighting], fold: Fold, at: datetime
    ) -> bool:
        """Add what stood between two offsets of a spool file, and remember the second, in one transaction.

        It goes into the sightings as it is, and into the evidence by the fold, unless it is disregarded.

        Args:
            segment: The file's name, unique among all hosts.
            begin: Where the reading began; 0 for a file that was never read.
            end: Where it ended.
            sightings: What stood there.
            fold: Makes evidence of it.
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

    def forget_addresses(self, now: datetime) -> None:
        """Forget which serial number called from which address more than a month ago."""

    # --- what is known of devices for good

    def adoption(
        self,
        site: str,
        release: int,
        since: datetime,
        now: datetime,
        *,
        evidence: RequiredEvidence = RequiredEvidence.ANY,
        only_listed: bool = False,
    ) -> Adoption:
        """How the devices of a site stand with a release that is served since then, by what counts there."""

    def grades(self, site: str, release: int) -> Mapping[Grade, int]:
        """How many devices of a site came how far with a release."""

    def device_histories(self, site: str, wanted: DeviceFilter) -> Sequence[DeviceHistory]:
        """Devices of a site, longest silent first; of their releases only the one that was asked for."""

    def device_history(self, identity: str, site: str | None = None) -> Sequence[DeviceHistory]:
        """What is known of one device, with all its releases, for each site that it was seen in."""

    def forget_device(self, identity: str, site: str | None, event: AuditEvent) -> Sequence[str]:
        """Remove what is known of a device, in all sites or in one; raw sightings and lists of devices stay.

        Returns:
            The sites in which something was known of it; for each the event is written, with its name.
        """

    def has_authenticated(self, site: str) -> bool:
        """Whether any device of the site ever proved itself by a token."""

    def disregarded(self, serial: str, site: str) -> Mapping[str, int]:
        """How many sightings with this serial number are kept and count for nothing, by the reason."""

    def unseen_devices(self, site: str, limit: int | None = None) -> Sequence[str]:
        """Serial numbers that operators gave and nobody has seen."""

    def silences(self, site: str) -> Mapping[int, int]:
        """For each number of days: how many devices have so long before their silence is more than their habit."""

    def arrivals(self, site: str, release: int, since: datetime) -> Mapping[int, int]:
        """For each number of whole days after ``since``: how many devices first finished a handshake then."""

    # --- workers

    def say_alive(self, status: WorkerStatus) -> None:
        """Note what a worker serves, at the database's time; ``seen_at`` is not read."""

    def say_gone(self, worker: str) -> None:
        """It ends."""

    def workers(self, within: timedelta) -> Sequence[WorkerStatus]:
        """Those that said something within this time, by the database's clock."""

    def silent_workers(self, beyond: timedelta) -> Sequence[WorkerStatus]:
        """Those that said nothing for longer than this, nor goodbye, and that no living one has replaced."""

    def forget_host(self, host: str, live_within: timedelta, event: AuditEvent) -> int:
        """Forget the workers of a host that is gone for good; how many.

        Args:
            host: Its name.
            live_within: A host that was heard within this time is alive.
            event: What the audit log shall say.

        Raises:
            NotFound: No worker of such a host is known.
            Conflict: It is alive.
        """

    def wait_for_change(self, seconds: float) -> bool:
        """Wait so long, or, where the database can tell (PostgreSQL's LISTEN), only until something has changed.

        Returns:
            Whether something may have changed; False when the time is simply over.
        """

    # --- rotations

    def add_rotation(self, rotation: Rotation, event: AuditEvent) -> Rotation:
        """Keep a new one, whose number is given here.

        Raises:
            NotFound: There is no such site.
            Conflict: One of the site is going on.
        """

    def move_rotation(
        self,
        before: Rotation,
        after: Rotation,
        event: AuditEvent,
        *,
        activate: int | None = None,
        roll_back: int | None = None,
    ) -> Rotation:
        """Change a rotation and, in the same transaction, the current release of its site.

        Args:
            before: As it was when the decision was made.
            after: As it shall be.
            event: What the audit log shall say.
            activate: A release that becomes current, after the one that ``before`` serves.
            roll_back: One that becomes current again.

        Raises:
            Conflict: The rotation, or the site's current release, is not as it was.
        """

    def note_look(self, rotation: Rotation) -> None:
        """Keep when the gate looked last, what its looks add up to, and what it is unsure of. Stands in no audit log.

        Raises:
            Conflict: Somebody has moved it on meanwhile.
        """

    def rotations(self, site: str | None = None, *, only_open: bool = False) -> Sequence[Rotation]:
        """All rotations, or those of one site, oldest first."""
