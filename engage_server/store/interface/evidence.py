"""What devices did, and what is known about them for good."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import Adoption, AuditEvent, CutPath, DeviceHistory, Grade, RequiredEvidence, Sighting
from engage_server.store.interface.values import AnchorClue, DeviceFilter, Fold, MetReleases, SpoolPart


class EvidenceStore(Protocol):
    """What devices did, and what is known about them for good."""

    @property
    def takes_large_batches(self) -> bool:
        """Whether operators can write while thousands of sightings are stored."""

    def record_parts(self, parts: Sequence[SpoolPart], fold: Fold, at: datetime) -> Collection[str]:
        """Add the sightings of some spool files, and store how far each was read, in one transaction.

        They are stored unchanged, in the order of their time. The fold makes evidence of them, except of disregarded
        ones.

        Args:
            parts: One part of each file, no file twice.
            fold: Makes evidence of them.
            at: Now.

        Returns:
            The files whose part was added. A part that is recorded already is left out: nothing of it was added.
        """

    def record_sightings(
        self, segment: str, begin: int, end: int, sightings: Sequence[Sighting], fold: Fold, at: datetime
    ) -> bool:
        """Do the same for a part of one file.

        Its sightings are stored in the order in which they are given.

        Returns:
            False if this part of the file is recorded already. Then nothing was added.
        """

    def spool_offsets(self, segments: Sequence[str]) -> Mapping[str, int]:
        """Return how far these spool files are recorded. Files that never were are left out."""

    def forget_sightings(self, before: datetime) -> int:
        """Remove the sightings from before this time, and the offsets of files that were read then.

        Returns:
            How many sightings there were.
        """

    def forget_addresses(self, now: datetime) -> None:
        """Forget which serial numbers called from which addresses more than a month ago."""

    def adoption(
        self,
        site: str,
        release: int,
        since: datetime,
        now: datetime,
        *,
        evidence: RequiredEvidence = RequiredEvidence.ANY,
        only_listed: bool = False,
        path: CutPath | None = None,
    ) -> Adoption:
        """Judge the devices of a site for a release that has been served since then, by the evidence that counts.

        Devices that may be late only because of ``path``, which is or was cut, are waited for.
        """

    def grades(self, site: str, release: int) -> Mapping[Grade, int]:
        """Count the devices of a site by the grade that they reached with a release."""

    def refusers(self, site: str, release: int, since: datetime) -> Mapping[Grade, int]:
        """Count the devices of a site that refused TLS since then and never finished it with a release.

        They are counted by the grade that they reached with the release. :meth:`grades` counts them, too.
        """

    def device_histories(self, site: str, wanted: DeviceFilter) -> Sequence[DeviceHistory]:
        """Return devices of a site, longest silent first. Of their releases, only the requested one is included."""

    def device_history(self, identity: str, site: str | None = None) -> Sequence[DeviceHistory]:
        """Return what is known about one device, with all its releases, for each site that saw it."""

    def forget_device(self, identity: str, site: str | None, event: AuditEvent) -> Sequence[str]:
        """Remove what is known about a device, in all sites or in one. Raw sightings and lists of devices stay.

        Its label goes from sites on whose list it is not.

        Returns:
            The sites in which something was known. For each of them the event is written, with the site's name.
        """

    def anchor_clues(self, site: str) -> Sequence[AnchorClue]:
        """Return the clues to the anchors that a site's devices hold: one entry for each kind of device."""

    def met_releases(self, site: str) -> Sequence[MetReleases]:
        """Return which releases devices of a site met last. Some of them may be of no device.

        Where the site has a list, only devices on it count. This costs little, however many devices there are.
        """

    def devices_of_clue(self, site: str, clue: AnchorClue, limit: int) -> Sequence[str]:
        """Return the first identities of those devices."""

    def callers_of_host(self, site: str, host: str, since: datetime, limit: int) -> tuple[int, Sequence[str]]:
        """Count the devices of a site that last called this host and were seen since then. Also name the first ones."""

    def other_hosts_called(
        self, site: str, hosts: Sequence[str], since: datetime, release: int, limit: int
    ) -> Sequence[str]:
        """Return the other hosts that devices of a site called last, the most called first.

        A device counts if it ever finished TLS, was seen since then, and did not last finish TLS with this release.
        """

    def devices_seen_since(self, site: str, since: datetime) -> int:
        """Count the devices of a site that were seen since then."""

    def has_authenticated(self, site: str) -> bool:
        """Whether any device of the site ever proved its identity with a token."""

    def disregarded(self, serial: str, site: str) -> Mapping[str, int]:
        """Count the sightings with this serial number that are kept but count for nothing, by reason."""

    def known_devices(self, beginning: str, site: str | None, limit: int) -> Sequence[str]:
        """Return serial numbers and addresses that begin with a text, from all lists and all evidence, in order.

        Args:
            beginning: The text, as it is stored: hexadecimal digits are upper-case.
            site: Only of this site. None for all.
            limit: The largest number of them.
        """

    def unseen_devices(self, site: str, limit: int | None = None) -> Sequence[str]:
        """Return the serial numbers that operators listed and that were never seen."""

    def answered_elsewhere(
        self, site: str, limit: int | None = None, among: Collection[str] | None = None
    ) -> Mapping[str, str]:
        """Return the unseen devices of a site that another site answered, with the name of that site.

        Args:
            site: The site's name.
            limit: The largest number of them. None for all.
            among: Only these serial numbers. None for all.
        """

    def listed_unseen_at(self, serial: str) -> str | None:
        """Return the site that lists a serial number and never saw it. None if there is none."""

    def only_address(self, site: str, since: datetime) -> tuple[str, int] | None:
        """Return the one address that all devices of a site with a serial number called from since then.

        With it comes how many of them are stored: of many at one address only a few are. ``("", 0)`` if nobody called.
        None: they called from several addresses.
        """

    def shared_addresses(self, site: str, addresses: Collection[str]) -> Collection[str]:
        """Return those of these addresses from which several devices of the site call, or called in the last month."""

    def silences(self, site: str) -> Mapping[int, int]:
        """Count the devices by the number of days that are left before their silence exceeds their habit."""

    def arrivals(self, site: str, release: int, since: datetime) -> Mapping[int, int]:
        """Count the devices by the whole days after ``since`` on which they first finished a handshake."""

    def confirmations(
        self,
        site: str,
        release: int,
        since: datetime,
        now: datetime,
        *,
        evidence: RequiredEvidence = RequiredEvidence.ANY,
        only_listed: bool = False,
    ) -> Mapping[datetime, int]:
        """Count the devices that :meth:`adoption` counts as confirmed, by when each first was.

        The time is the beginning of a quarter of an hour. Of a device that met the release before ``since``, too, only
        the last visit is known.
        """
