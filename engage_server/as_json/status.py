"""All sites at a glance."""

from collections.abc import Mapping
from datetime import datetime

from engage_server.as_json.adoption import ReceptionJson, reception_json
from engage_server.as_json.backups import BackupStandingJson, backup_standing_json
from engage_server.as_json.devices import GradeName, grade_name
from engage_server.as_json.formats import Instant, Shape
from engage_server.as_json.paths import PathJson, path_json
from engage_server.as_json.plans import ExpiryJson, PaceJson, pace_json
from engage_server.as_json.rotation import ProgressJson, progress_json
from engage_server.services.backup.nights.standing import BackupStanding
from engage_server.services.installation.last_safe_days import LastSafeDay
from engage_server.services.installation.overview import InstallationStatus, SiteStatus
from engage_server.services.releases.expiry import Urgency


class WatchedExpiryJson(ExpiryJson):
    """The end of one certificate, and how urgent its rotation is."""

    urgency: Urgency
    """``soon``: start it within a month. ``late``: not all devices may call in time. ``expired``: it has ended."""


class LastSafeDayJson(Shape):
    """The last day on which it is safe to start the rotation of one certificate."""

    site: str
    """The name of the site."""
    role: str
    """``server``, ``intermediate`` (``intermediate 2`` and so on if there are several), or ``root``."""
    last_safe_day: str
    """The day in the site's time zone, as ``YYYY-MM-DD``."""
    not_after: Instant
    """When the certificate ends."""


class OtherHostJson(Shape):
    """A host that devices call although their site does not have it."""

    host: str
    """The host."""
    devices: int
    """How many devices called it last, within 30 days."""
    examples: list[str]
    """Some of them."""
    refused: bool
    """Whether the certificate is not valid for it, so that these devices refuse it."""


class SiteStatusJson(Shape):
    """One site at a glance."""

    site: str
    """The name of the site."""
    default: bool
    """Whether it answers requests that name no site."""
    for_trials: bool
    """Whether it was made for trials. Its devices are then virtual locks."""
    hosts: list[str]
    """The host names or addresses that its devices call."""
    release: int | None
    """The number of the release that it serves. Null before the first activation."""
    certificates: list[WatchedExpiryJson]
    """The certificates of that release, one for each role."""
    hosts_unanswered: list[str]
    """Hosts that devices call, and that the server certificate is not valid for."""
    other_hosts_called: list[OtherHostJson]
    """Hosts that devices call although the site does not have them, the most called first."""
    pace: PaceJson
    """How fast its devices call."""
    devices: dict[GradeName, int]
    """How many devices came how far with the release."""
    anchors: ReceptionJson | None
    """How its devices respond to the release. Null before the first activation."""
    workers_behind: list[str]
    """Worker processes that serve another release. A caller without a role at all sites reads of each only its
    listener: ``http`` or ``https``."""
    rotation: ProgressJson | None
    """The open rotation. Null: there is none."""
    approved_alone: int | None
    """The rotation whose release is served, and that went on without the second person it needed. Null: none."""
    path: PathJson | None
    """What links report about the way to the site. Null: it has no link."""
    needs_attention: bool
    """Whether somebody should act today: it is not served, its rotation is late, doors refuse it, or a worker is
    behind."""


class ServedSiteStatusJson(SiteStatusJson):
    """One site at a glance, with the uploads at this host."""

    uploads_waiting: int
    """How many uploads of this host wait for the site's upstream system."""
    uploads_refused: int
    """How many uploads of this host were rejected by it. A person has to look at them."""


class ServingWorkerJson(Shape):
    """One worker process that serves devices."""

    worker: str
    """Its name: listener, process number and host."""
    listener: str
    """``http`` or ``https``."""
    served: dict[str, int]
    """The number of the release that it serves, by site."""
    trouble: dict[str, str]
    """Why it serves an older release, by site. Under an empty name: why sightings may be missing."""
    switched_at: Instant | None
    """When it began to serve other releases for the last time, by the database's clock. Null: not known."""
    late_seconds: float | None
    """By how many seconds it missed the moment that all workers agreed on. Null: no moment was agreed on."""


class LeftSpoolJson(Shape):
    """What a host left on its disk when it signed off."""

    waiting_bytes: int
    """How much of its sightings is not in the database."""
    signed_off_at: Instant
    """When it signed off, by the database's clock."""


class WorkersJson(Shape):
    """What serves the sites, and whether it is whole."""

    workers: list[ServingWorkerJson]
    """The live worker processes that serve devices."""
    clock_offset_seconds: dict[str, float]
    """The seconds by which the clock of each host is ahead of the database's. More than a second is too much."""
    silent_hosts: dict[str, Instant | None]
    """Hosts that stopped reporting without signing off, with the time of their last report. Null: not known."""
    left_spools: dict[str, LeftSpoolJson]
    """Hosts that signed off before all sightings on their disks were stored."""
    silent_workers: list[str]
    """Worker processes that stopped reporting without signing off."""
    old_copies: dict[str, Instant]
    """Hosts whose copy of shared files has lacked a change for longer than copying takes, and since when."""
    missing_listeners: list[str]
    """``http`` or ``https`` if no live worker has it."""
    evidence_gaps: list[str]
    """Why some sightings may be missing, in words."""


class StatusJson(WorkersJson):
    """All sites at a glance."""

    at: Instant
    """When this was read."""
    sites: list[ServedSiteStatusJson]
    """All sites."""


class SeenStatusJson(Shape):
    """The sites that the caller may see, at a glance."""

    at: Instant
    """When this was read."""
    needs_attention: bool
    """Whether somebody should act today: because of one of these sites, or of what serves them."""
    sites: list[ServedSiteStatusJson]
    """The sites that the caller may see."""
    installation: WorkersJson | None
    """What serves them. Null: the caller has no role at all sites."""
    backups: BackupStandingJson | None
    """How old the newest good backup is. Null: the caller has no role at all sites."""
    one_address: str | None
    """The only address that all doors have, such as that of a balancer that hides theirs. Empty: they have several, or
    the balancer is named in ``proxy_protocol_from``. Null: the caller has no role at all sites."""


Uploads = Mapping[str, tuple[int, int]]
"""For each site how many uploads of this host wait for its upstream system, and how many were rejected."""


def status_json(found: InstallationStatus, now: datetime, uploads: Uploads) -> StatusJson:
    """All sites at a glance.

    Args:
        found: What the overview found.
        now: When it looked; aware, UTC.
        uploads: Of each site.
    """
    sites = [served_site_status_json(site, now, uploads[site.site.name], sees_all=True) for site in found.sites]
    return {"at": now.isoformat(), "sites": sites, **_workers_json(found)}


def seen_status_json(
    found: InstallationStatus,
    now: datetime,
    uploads: Uploads,
    backups: BackupStanding | None,
    one_address: str | None,
) -> SeenStatusJson:
    """What a caller may see of all sites.

    Args:
        found: What the overview found at the sites that the caller may see.
        now: When it looked; aware, UTC.
        uploads: Of each site.
        backups: How old the newest good one is. None for a caller who may not see what belongs to no site.
        one_address: The address that all doors have. "" for none. None for that caller.
    """
    sees_all = backups is not None
    of_sites = any(site.needs_attention for site in found.sites)
    return {
        "at": now.isoformat(),
        "needs_attention": of_sites if backups is None else found.needs_attention or backups.needs_attention,
        "sites": [
            served_site_status_json(site, now, uploads[site.site.name], sees_all=sees_all) for site in found.sites
        ],
        "installation": _workers_json(found) if sees_all else None,
        "backups": backup_standing_json(backups) if backups is not None else None,
        "one_address": one_address,
    }


def served_site_status_json(
    status: SiteStatus, now: datetime, uploads: tuple[int, int], *, sees_all: bool
) -> ServedSiteStatusJson:
    """One site at a glance, with its uploads at this host: how many wait, and how many were rejected.

    Args:
        status: What the overview found.
        now: When it looked; aware, UTC.
        uploads: How many wait, and how many were rejected.
        sees_all: Whether the reader may see what belongs to no site, such as the names of hosts.
    """
    waiting, refused = uploads
    return {**site_status_json(status, now, sees_all=sees_all), "uploads_waiting": waiting, "uploads_refused": refused}


def _workers_json(found: InstallationStatus) -> WorkersJson:
    return {
        "workers": [
            {
                "worker": each.worker,
                "listener": each.listener,
                "served": dict(each.served),
                "trouble": dict(each.trouble),
                "switched_at": each.switched_at.isoformat() if each.switched_at else None,
                "late_seconds": each.late_seconds,
            }
            for each in found.workers
        ],
        "clock_offset_seconds": dict(found.clock_offsets),
        "silent_hosts": {
            name: heard_at.isoformat() if heard_at else None for name, heard_at in found.silent_hosts.items()
        },
        "left_spools": {
            name: {"waiting_bytes": each.waiting_bytes, "signed_off_at": each.said_at.isoformat()}
            for name, each in found.left_spools.items()
        },
        "silent_workers": [each.worker for each in found.silent_workers],
        "old_copies": {name: since.isoformat() for name, since in found.old_copies.items()},
        "missing_listeners": list(found.missing_listeners),
        "evidence_gaps": list(found.gaps),
    }


def site_status_json(status: SiteStatus, now: datetime, *, sees_all: bool) -> SiteStatusJson:
    """One site at a glance.

    Args:
        status: What the overview found.
        now: When it looked; aware, UTC.
        sees_all: As for :func:`served_site_status_json`.
    """
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
                "examples": [device.identity for device in each.examples],
                "refused": each.host in status.refused_hosts,
            }
            for each in status.other_hosts
        ],
        "pace": pace_json(status.pace),
        "devices": {grade_name(grade): count for grade, count in status.grades.items()},
        "anchors": reception_json(status.reception) if status.reception else None,
        "workers_behind": [each.worker if sees_all else each.listener for each in status.behind],
        "rotation": progress_json(status.rotation) if status.rotation else None,
        "approved_alone": status.approved_alone.number if status.approved_alone else None,
        "path": path_json(status.path) if status.path else None,
        "needs_attention": status.needs_attention,
    }


def last_safe_day_json(site: str, day: LastSafeDay) -> LastSafeDayJson:
    """One last safe day of a site."""
    return {
        "site": site,
        "role": day.role,
        "last_safe_day": day.day.isoformat(),
        "not_after": day.ends.isoformat(),
    }
