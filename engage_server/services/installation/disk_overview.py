"""Shows how much of this host's disk devices use, and the limits, for ``engage status`` and the metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engage_server.services.disk_space.room import DiskLimits, DiskRoom
from engage_server.services.disk_space.use import SiteUse
from engage_server.services.sites.enrolment_days import EnrolmentDays

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DiskStatus:
    """The use of the disk at one moment.

    Attributes:
        sites: How much each site's devices use.
        limits: The limits.
        free: The free bytes of the file system; None if unknown.
        shortage: Why devices may not write any more; "" if they may.
        enrolled: How many unknown devices each site enrolled today.
        enroll_per_day: How many unknown devices a site may enrol in a day.
    """

    sites: Mapping[str, SiteUse]
    limits: DiskLimits
    free: int | None
    shortage: str
    enrolled: Mapping[str, int]
    enroll_per_day: int

    @property
    def is_full(self) -> bool:
        """Whether any limit is reached, so that devices are refused."""
        return bool(self.shortage) or any(share >= 1 for _, share, _ in self._shares())

    def warnings(self) -> list[str]:
        """A sentence for each limit that is at least half used."""
        found = [f"{self.shortage}: devices get 503 and call again"] if self.shortage else []
        for what, share, setting in self._shares():
            if share >= 0.5:
                found.append(f"{what} {share:.0%} of their limit on the disk (setting {setting})")
        found += [
            f"{count} unknown devices of {site} were enrolled today: others get 404 (setting enroll_per_day)"
            for site, count in self.enrolled.items()
            if count >= self.enroll_per_day
        ]
        return found

    def _shares(self) -> Iterable[tuple[str, float, str]]:
        for site, use in self.sites.items():
            yield f"the devices of {site} use", (use.files + use.uploads) / self.limits.site, "site_disk_mib"
            refused = use.refused / self.limits.uploads
            yield f"rejected uploads of {site} use", refused, "upstream_spool_max_mib"
        total = sum(each.files + each.uploads for each in self.sites.values())
        yield "the devices of all sites use", total / self.limits.total, "devices_disk_mib"
        uploads = sum(each.uploads for each in self.sites.values())
        yield "uploads for upstream systems use", uploads / self.limits.uploads, "upstream_spool_max_mib"


class DiskOverview:
    """Reads the use of the disk. Changes nothing.

    Args:
        room: How much devices use, and the limits.
        enrolment: Which unknown devices were enrolled.
    """

    def __init__(self, room: DiskRoom, enrolment: EnrolmentDays) -> None:
        self._room = room
        self._enrolment = enrolment

    def look(self, sites: Iterable[str]) -> DiskStatus:
        """Read the use of the disk now.

        Args:
            sites: The names of all sites.

        Raises:
            NotPossible: The record of the disk's use cannot be read.
        """
        return DiskStatus(
            sites=self._room.use(),
            limits=self._room.limits,
            free=self._room.reserve.free_bytes(),
            shortage=self._room.reserve.shortage(_MIB),  # without room for one long upload the disk counts as full
            enrolled={site: self._enrolment.today(site) for site in sites},
            enroll_per_day=self._enrolment.per_day,
        )
