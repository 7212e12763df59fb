"""All sites at a glance, and the disk."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engage_server.as_json.paths import path_json
from engage_server.as_json.rotation import progress_json
from engage_server.services.installation.disk_overview import DiskStatus
from engage_server.services.installation.overview import InstallationStatus, SiteStatus
from engage_server.services.releases.reception import Reception


def status_json(found: InstallationStatus, now: datetime, uploads: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """All sites at a glance.

    Args:
        found: What the overview found.
        now: When it looked; aware, UTC.
        uploads: For each site how many uploads of this host wait for its upstream system, and how many were rejected.
    """
    return {
        "at": now.isoformat(),
        "sites": [
            _site_json(site, now)
            | {
                "uploads_waiting": uploads[site.site.name][0],
                "uploads_refused": uploads[site.site.name][1],
            }
            for site in found.sites
        ],
        "workers": [
            {
                "worker": each.worker,
                "listener": each.listener,
                "served": dict(each.served),
                "trouble": dict(each.trouble),
            }
            for each in found.workers
        ],
        "silent_hosts": {
            name: heard_at.isoformat() if heard_at else None for name, heard_at in found.silent_hosts.items()
        },
        "silent_workers": [each.worker for each in found.silent_workers],
        "missing_listeners": list(found.missing_listeners),
        "evidence_gaps": list(found.gaps),
    }


def _site_json(status: SiteStatus, now: datetime) -> dict[str, Any]:
    return {
        "site": status.site.name,
        "default": status.site.is_default,
        "for_trials": status.site.for_trials,
        "hosts": [host.text for host in status.site.hosts],
        "release": status.current.number if status.current else None,
        "certificates": [
            {
                "role": each.expiry.role,
                "not_after": each.expiry.not_after.isoformat(),
                "days_left": round(each.expiry.days_left(now), 1),
                "last_safe_start": each.last_safe_start.isoformat(),
                "urgency": each.urgency,
            }
            for each in status.certificates
        ],
        "hosts_unanswered": [host.text for host in status.unanswered],
        "other_hosts_called": [
            {
                "host": each.host.text,
                "devices": each.devices,
                "examples": list(each.examples),
                "refused": each.host in status.refused_hosts,
            }
            for each in status.other_hosts
        ],
        "pace": {"days": status.pace.time.days, "basis": status.pace.basis, "measured": status.pace.is_measured},
        "devices": {grade.name.lower(): count for grade, count in status.grades.items()},
        "anchors": reception_json(status.reception) if status.reception else None,
        "workers_behind": [each.worker for each in status.behind],
        "rotation": progress_json(status.rotation) if status.rotation else None,
        "approved_alone": status.approved_alone.number if status.approved_alone else None,
        "path": path_json(status.path) if status.path else None,
    }


def reception_json(reception: Reception) -> dict[str, Any]:
    """How the devices respond to a release, by the anchors that they hold."""
    return {
        "devices": reception.devices,
        "hold": reception.hold,
        "refuse": reception.refuse,
        "may_refuse": reception.may_refuse,
        "refusing": list(reception.refusing),
        "never_finished": reception.never_finished,
        "unseen": reception.unseen,
        "strangers": reception.strangers,
    }


def disk_json(status: DiskStatus) -> dict[str, Any]:
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
