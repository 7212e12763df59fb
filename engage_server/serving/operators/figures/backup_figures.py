"""The metrics of backups."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from engage_server.records import BackupStep
from engage_server.services.backup.nights.standing import BackupStanding


def backup_figures(standing: BackupStanding) -> Iterator[Metric]:
    """Return how old the newest good backup and drill are, and whether that is too old.

    Args:
        standing: As it was read last.
    """
    ages = GaugeMetricFamily(
        "engage_backup_last_good_seconds",
        "Age of the newest good backup, and of the newest good drill.",
        labels=["step"],
    )
    overdue = GaugeMetricFamily(
        "engage_backup_overdue", "Whether a configured backup or drill has not succeeded for 26 hours.", labels=["step"]
    )
    for step in BackupStep:
        age = standing.age(step)
        if age is not None:
            ages.add_metric([step.value], round(age.total_seconds()))
        if standing.is_nightly:
            overdue.add_metric([step.value], int(standing.is_overdue(step)))
    yield ages
    yield overdue
