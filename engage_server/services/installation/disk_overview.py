"""What devices take of this host's disk, held against the limits: for ``engage status`` and the figures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engage_server.services.disk_space.room import DiskLimits, DiskRoom
from engage_server.services.disk_space.use import SiteUse
from engage_server.services.sites.enrolment_days import EnrolmentDays

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DiskStatus:
    """All of it at one moment.

    Attributes:
        sites: What each site's devices take.
        limits: The limits.
        free: What is free on the file system, in bytes; None where that is not known.
        shortage: Why devices may write nothing more; "" when they may.
        enrolled: How many unknown devices each site took in today.
        enroll_per_day: How many it may.
    """

    sites: Mapping[str, SiteUse]
    limits: DiskLimits
    free: int | None
    shortage: str
    enrolled: Mapping[str, int]
    enroll_per_day: int

    @property
    def is_full(self) -> bool:
        """Whether devices are refused somewhere."""
        return bool(self.shortage) or any(share >= 1 for _, share, _ in self._shares())

    def warnings(self) -> list[str]:
        """A sentence for each limit of which half is taken, and for each that is reached."""
        found = [f"{self.shortage}: devices are told to call again"] if self.shortage else []
        for what, share, setting in self._shares():
            if share >= 0.5:
                found.append(f"{what} {share:.0%} of what they may of the disk (setting {setting})")
        found += [
            f"{count} unknown devices of {site} were taken in today: further ones get 404 (setting enroll_per_day)"
            for site, count in self.enrolled.items()
            if count >= self.enroll_per_day
        ]
        return found

    def _shares(self) -> Iterable[tuple[str, float, str]]:
        for site, use in self.sites.items():
            yield f"the devices of {site} take", (use.files + use.uploads) / self.limits.site, "site_disk_mib"
            refused = use.refused / self.limits.uploads
            yield f"uploads of {site} that were refused for good take", refused, "upstream_spool_max_mib"
        total = sum(each.files + each.uploads for each in self.sites.values())
        yield "the devices of all sites take", total / self.limits.total, "devices_disk_mib"
        uploads = sum(each.uploads for each in self.sites.values())
        yield "uploads for partners' systems take", uploads / self.limits.uploads, "upstream_spool_max_mib"


class DiskOverview:
    """Looks, and changes nothing.

    Args:
        room: What devices may take.
        enrolment: Which unknown devices were taken in.
    """

    def __init__(self, room: DiskRoom, enrolment: EnrolmentDays) -> None:
        self._room = room
        self._enrolment = enrolment

    def look(self, sites: Iterable[str]) -> DiskStatus:
        """Everything as it is now.

        Args:
            sites: The names of all sites.

        Raises:
            NotPossible: The book of the disk cannot be read.
        """
        return DiskStatus(
            sites=self._room.use(),
            limits=self._room.limits,
            free=self._room.reserve.free_bytes(),
            shortage=self._room.reserve.shortage(_MIB),  # no room for one long upload is no room
            enrolled={site: self._enrolment.today(site) for site in sites},
            enroll_per_day=self._enrolment.per_day,
        )
