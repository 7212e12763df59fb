"""Who staged a release and who let it be served, read back from the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engage_server.records import AuditAction, AuditEvent, AuditFilter, Release
from engage_server.services.installation.audit_log import AuditLog

_MOST_ENTRIES = 1000
_STAGED = (AuditAction.RELEASE_STAGED,)
_SERVED = (
    AuditAction.RELEASE_ACTIVATED,
    AuditAction.RELEASE_ROLLED_BACK,
    AuditAction.ROTATION_ADVANCED,
    AuditAction.ROTATION_ENDED,
)


@dataclass(frozen=True, slots=True)
class ReleaseActs:
    """Who did what with a release. "" where the log has no entry, such as one from before a site was renamed.

    Attributes:
        staged_by: Who staged it.
        served_by: Who let it be served, the last time. A rotation goes on as the servers themselves.
    """

    staged_by: str = ""
    served_by: str = ""


def release_acts(log: AuditLog, site: str, releases: Sequence[Release]) -> Mapping[int, ReleaseActs]:
    """Find the entries of these releases among the newest of the site. An act and its entry have one time.

    Args:
        log: The audit log.
        site: The site's name.
        releases: Some of its releases.

    Returns:
        By number of the release.
    """
    if not releases:
        return {}
    since = min(each.staged_at for each in releases)
    wanted = AuditFilter(site=site, actions=(*_STAGED, *_SERVED), since=since)
    events = [entry.event for entry in log.page(wanted, None, _MOST_ENTRIES).items]
    return {
        each.number: ReleaseActs(
            _actor(events, _STAGED, each.number, each.staged_at),
            _actor(events, _SERVED, each.number, each.activated_at),
        )
        for each in releases
    }


def _actor(events: Sequence[AuditEvent], actions: Sequence[AuditAction], number: int, at: datetime | None) -> str:
    """Who did this to a release then. The end of a rotation does not name the release that is served again."""
    return next(
        (
            event.actor
            for event in events
            if event.at == at and event.action in actions and event.facts.get("release", str(number)) == str(number)
        ),
        "",
    )
