"""The use of the disk as Prometheus metrics."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from engage_server.services.installation.disk_overview import DiskStatus


def disk_figures(status: "DiskStatus") -> Iterator[Metric]:
    """Return how much disk space devices take, and how much they may."""
    used = GaugeMetricFamily(
        "engage_disk_bytes",
        "Disk space that devices take: files, uploads on their way, and rejected uploads (counted in both).",
        labels=["site", "what"],
    )
    for site, use in status.sites.items():
        for what, count in (("files", use.files), ("uploads", use.uploads), ("refused", use.refused)):
            used.add_metric([site, what], count)
    yield used
    limits = GaugeMetricFamily("engage_disk_limit_bytes", "Disk space that devices may take.", labels=["what"])
    for what in ("site", "total", "uploads"):
        limits.add_metric([what], getattr(status.limits, what))
    yield limits
    if status.free is not None:
        yield GaugeMetricFamily("engage_disk_free_bytes", "Free space on the disk.", value=status.free)
    full = GaugeMetricFamily("engage_disk_full", "Whether devices are refused because the disk has no room.")
    full.add_metric([], int(status.is_full))
    yield full
    enrolled = GaugeMetricFamily(
        "engage_enrolled_today", "Unknown devices that this host enrolled today (UTC).", labels=["site"]
    )
    for site, count in status.enrolled.items():
        enrolled.add_metric([site], count)
    yield enrolled
    yield GaugeMetricFamily(
        "engage_enroll_limit", "Unknown devices that this host enrolls per day and site.", value=status.enroll_per_day
    )
