"""How much of the disk devices use."""

from engage_server.as_json.formats import Shape
from engage_server.services.installation.disk_overview import DiskStatus


class DiskLimitsJson(Shape):
    """The limits of the disk, in bytes."""

    device: int
    """The most for one device."""
    site: int
    """The most for the devices of one site."""
    total: int
    """The most for the devices of all sites."""
    uploads: int
    """The most for uploads that wait for upstream systems."""
    reserve: int
    """What devices leave free on the file system."""


class SiteDiskJson(Shape):
    """How much of the disk the devices of one site use, in bytes."""

    files: int
    """Their files."""
    uploads: int
    """Uploads that wait or were rejected."""
    refused: int
    """The part of ``uploads`` that was rejected."""


class DiskJson(Shape):
    """How much of this host's disk devices use. All figures are bytes, except for ``enrolled_today``."""

    free: int | None
    """What is free on the file system. Null: not known."""
    full: bool
    """Whether a limit is reached, so that devices get 503."""
    warnings: list[str]
    """One sentence for each limit that is at least half used."""
    limits: DiskLimitsJson
    """The limits."""
    sites: dict[str, SiteDiskJson]
    """What the devices of each site use."""
    enrolled_today: dict[str, int]
    """How many unknown devices each site put on its list today."""


def disk_json(status: DiskStatus) -> DiskJson:
    """All figures, in bytes."""
    limits = status.limits
    return {
        "free": status.free,
        "full": status.is_full,
        "warnings": status.warnings(),
        "limits": {
            "device": limits.device,
            "site": limits.site,
            "total": limits.total,
            "uploads": limits.uploads,
            "reserve": limits.reserve,
        },
        "sites": {
            site: {"files": use.files, "uploads": use.uploads, "refused": use.refused}
            for site, use in status.sites.items()
        },
        "enrolled_today": dict(status.enrolled),
    }
