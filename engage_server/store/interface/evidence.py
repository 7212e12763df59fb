"""What devices did, and what is known of them for good."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import Adoption, AuditEvent, DeviceHistory, Grade, RequiredEvidence, Sighting
from engage_server.store.interface.values import AnchorClue, DeviceFilter, Fold


class EvidenceStore(Protocol):
    """What devices did, and what is known of them for good."""

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

    def forget_sightings(self, before: datetime) -> int:
        """Remove the sightings of before this time, and the offsets of files that were read then.

        Returns:
            How many sightings there were.
        """

    def forget_addresses(self, now: datetime) -> None:
        """Forget which serial number called from which address more than a month ago."""

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

    def anchor_clues(self, site: str) -> Sequence[AnchorClue]:
        """What tells which anchors the devices of a site hold: one entry for each kind of device that there is."""

    def devices_of_clue(self, site: str, clue: AnchorClue, limit: int) -> Sequence[str]:
        """The identities of the first of those devices."""

    def callers_of_host(self, site: str, host: str, since: datetime, limit: int) -> tuple[int, Sequence[str]]:
        """How many devices of a site called this host last and were seen since then, and the first of them by name."""

    def other_hosts_called(
        self, site: str, hosts: Sequence[str], since: datetime, release: int, limit: int
    ) -> Sequence[str]:
        """Hosts that devices of a site called last and that are none of these, the most called first.

        A device counts that finished TLS once, was seen since then, and has not finished it with this release.
        """

    def devices_seen_since(self, site: str, since: datetime) -> int:
        """How many devices of a site were seen since then."""

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
