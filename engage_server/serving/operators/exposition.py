"""The metrics of this host in Prometheus' text format: the sums of all workers, and what is read at each scrape."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from engage_server.composition.folder_watch import GONE
from engage_server.errors import NotPossible
from engage_server.records import AuditHead, OutboxFigures
from engage_server.services.backup.nights.standing import BackupStanding
from engage_server.services.call_in.delivering.delivery import Delivered
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.evidence.spool import segments, spooled_bytes
from engage_server.services.installation.disk_overview import DiskOverview
from engage_server.services.releases.expiry import ServedExpiries
from engage_server.serving.operators.figures.alert_figures import alert_figures
from engage_server.serving.operators.figures.backup_figures import backup_figures
from engage_server.serving.operators.figures.copy_figures import copy_figures
from engage_server.serving.operators.figures.disk_figures import disk_figures
from engage_server.serving.operators.figures.doors_at_risk import SiteRisks
from engage_server.serving.worker.metrics import BUCKETS, FAMILIES, Family, Labels

_HASH_DIGITS = 16  # of the audit log's newest entry: enough for --expect, and shorter in each scrape


class Exposition:
    """All metrics of this host.

    Args:
        metrics: The folder of the workers' files. It holds one folder for each listener.
        spool: The spool's folder.
        distribution: What is served.

    Attributes:
        disk: Measures how much disk space devices take. None: there are no metrics of it.
        copies_behind: Gives since when the copy of a site's shared files lacks a change.
        stored, disregarded, unreadable, store_up: Counted by the transfer of sightings, which runs in this process.
        audit_head: The audit log's newest entry. None until the database has answered.
    """

    def __init__(self, metrics: Path, spool: Path, distribution: Distribution) -> None:
        self._metrics = metrics
        self._spool = spool
        self._distribution = distribution
        self._registry = CollectorRegistry()
        self.stored = Counter(
            "engage_sightings_stored", "Sightings moved from the spool to the database.", registry=self._registry
        )
        self.disregarded = Counter(
            "engage_sightings_disregarded",
            "Sightings whose time is impossible. They are kept, but count for nothing.",
            registry=self._registry,
        )
        self.unreadable = Counter(
            "engage_sightings_unreadable", "Lines of the spool that are not sightings.", registry=self._registry
        )
        self.store_up = Gauge(
            "engage_store_up", "Whether the database accepted the last batch of sightings.", registry=self._registry
        )
        self.audit_head: AuditHead | None = None
        self._rotations: Mapping[str, str] = {}
        self._tonight: Sequence[SiteRisks] = ()
        self._alerts: OutboxFigures | None = None
        self._uploads: Mapping[str, Delivered] = {}
        self._backups: BackupStanding | None = None
        self._taken = Counter(
            "engage_uploads_taken",
            "Audits and alerts that an upstream system accepted.",
            ["site"],
            registry=self._registry,
        )
        self._refused = Counter(
            "engage_uploads_refused",
            "Audits and alerts that an upstream system rejected for good. They are kept.",
            ["site"],
            registry=self._registry,
        )
        self.disk: DiskOverview | None = None
        self.copies_behind: Callable[[], Mapping[str, datetime]] = dict
        self._expiries = ServedExpiries()
        self._registry.register(self)

    def tell_uploads(self, uploads: Mapping[str, Delivered]) -> None:
        """Take each site's results of uploads since the last call."""
        self._uploads = uploads
        for site, done in uploads.items():
            self._taken.labels(site).inc(done.taken)
            self._refused.labels(site).inc(len(done.rejected))

    def tell_rotations(self, states: Mapping[str, str]) -> None:
        """Take the state of each open rotation, by site."""
        self._rotations = states

    def tell_risks(self, found: Sequence[SiteRisks]) -> None:
        """Take who is at risk tonight."""
        self._tonight = found

    def tell_alerts(self, figures: OutboxFigures) -> None:
        """Take how the outbox of alerts stands."""
        self._alerts = figures

    def tell_backups(self, standing: BackupStanding) -> None:
        """Take how old the newest good backup is."""
        self._backups = standing

    def text(self) -> bytes:
        """Return the answer to a scrape."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Return the metrics that are no prometheus-client objects. prometheus-client calls this."""
        yield from self._of_workers()
        yield GaugeMetricFamily("engage_spool_bytes", "Size of the spool.", value=spooled_bytes(self._spool))
        files = len(list(segments(self._spool)))
        yield GaugeMetricFamily("engage_spool_files", "Number of files in the spool.", value=files)
        gone = int(GONE in self._distribution.losses)
        yield GaugeMetricFamily(
            "engage_data_gone", "Whether the data folder is gone, or is not the one from the start.", value=gone
        )
        snapshot, now = self._distribution.snapshot, datetime.now(UTC)
        current = GaugeMetricFamily("engage_release_current", "Number of the current release.", labels=["site"])
        for site, release in snapshot.current.items():
            current.add_metric([site], release.number)
        yield current
        days = GaugeMetricFamily(
            "engage_certificate_days_left", "Days until a served certificate expires.", labels=["site", "role"]
        )
        for expiry in self._expiries.of(snapshot):
            days.add_metric([expiry.site, expiry.role], round(expiry.days_left(now), 3))
        yield days
        rotations = GaugeMetricFamily("engage_rotation_open", "Whether a rotation is open.", labels=["site", "state"])
        for site, state in self._rotations.items():
            rotations.add_metric([site, state], 1)
        yield rotations
        at_risk = GaugeMetricFamily(
            "engage_doors_at_risk", "Doors at risk tonight, by their worst risk.", labels=["site", "severity"]
        )
        of_site = GaugeMetricFamily(
            "engage_site_risk", "A risk of the whole site tonight.", labels=["site", "code", "severity"]
        )
        path = GaugeMetricFamily("engage_site_path", "The state of the path to a site.", labels=["site", "state"])
        for found in self._tonight:
            if found.path is not None:
                path.add_metric([found.site, found.path], 1)
            for severity, doors in found.doors.items():
                at_risk.add_metric([found.site, severity], doors)
            for code, severity in found.codes.items():
                of_site.add_metric([found.site, code, severity], 1)
        yield from alert_figures(self._alerts)
        yield at_risk
        yield of_site
        yield path
        yield from self._of_audit_log()
        yield from self._of_uploads(now)
        yield from copy_figures(snapshot.call_ins, self.copies_behind(), now)
        if self._backups is not None:
            yield from backup_figures(self._backups)
        if self.disk is not None:
            with suppress(NotPossible):  # the book is in use: the next scrape reports it
                yield from disk_figures(self.disk.look(sorted(snapshot.call_ins)))

    def _of_audit_log(self) -> Iterator[Metric]:
        head = self.audit_head
        if head is None:  # the database has not answered yet
            return
        yield GaugeMetricFamily("engage_audit_log_entries", "Entries in the audit log.", value=head.number)
        newest = InfoMetricFamily("engage_audit_log_head", "Newest entry, for: engage audit verify --expect.")
        newest.add_metric([], {"entry": f"{head.number}:{head.hash[:_HASH_DIGITS]}"})
        yield newest

    def _of_uploads(self, now: datetime) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "engage_uploads_waiting", "Audits and alerts that wait for an upstream system.", labels=["site"]
        )
        age = GaugeMetricFamily("engage_uploads_oldest_seconds", "Age of the oldest of them.", labels=["site"])
        for site, done in self._uploads.items():
            waiting.add_metric([site], done.waiting)
            age.add_metric([site], max(0.0, (now - done.oldest).total_seconds()) if done.oldest else 0.0)
        yield waiting
        yield age

    def _of_workers(self) -> Iterator[Metric]:
        sums: dict[str, dict[Labels, Any]] = {name: {} for name in FAMILIES}
        for path in self._metrics.glob("*/*.json"):
            is_alive = _is_alive(path.stem)
            for name, labels, value in _read(path):
                family = FAMILIES.get(name)
                if family is None or not (is_alive or family.kind in ("counter", "histogram")):
                    continue
                if family.kind == "largest":
                    sums[name][tuple(labels)] = max(value, sums[name].get(tuple(labels), 0))
                else:
                    _add(sums[name], tuple(labels), value)
        for name, by_labels in sums.items():
            yield _family(name, FAMILIES[name], by_labels)


def open_circuits(metrics: Path) -> list[str]:
    """Return the sites whose upstream systems at least one worker of this host does not call at the moment."""
    return sorted(
        {
            str(labels[-1])
            for path in metrics.glob("*/*.json")
            if _is_alive(path.stem)
            for name, labels, value in _read(path)
            if name == "engage_upstream_circuit_open" and value
        }
    )


def _add(sums: dict[Labels, Any], labels: Labels, value: Any) -> None:
    if isinstance(value, list):
        before = sums.get(labels, [0.0] * len(value))
        sums[labels] = [one + other for one, other in zip(before, value, strict=True)]
    else:
        sums[labels] = sums.get(labels, 0) + value


def _family(name: str, family: Family, by_labels: dict[Labels, Any]) -> Metric:
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(name, family.help, labels=family.labels)
        for labels, counts in sorted(by_labels.items()):
            *in_buckets, total = counts
            histogram.add_metric(labels, _cumulative(in_buckets), total)
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(name, family.help, labels=family.labels)
    for labels, value in sorted(by_labels.items()):
        metric.add_metric(labels, value)
    return metric


def _cumulative(counts: list[float]) -> list[tuple[str, float]]:
    bounds = [*map(str, BUCKETS), "+Inf"]
    return [(bound, sum(counts[: position + 1])) for position, bound in enumerate(bounds)]


def _read(path: Path) -> list[Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):  # just removed or replaced
        return []
    return found if isinstance(found, list) else []


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
