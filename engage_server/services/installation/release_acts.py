"""Who staged a release and who let it be served, read back from the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engage_server.records import CHANGES_OF_SITE, AuditEntry, AuditFilter, Release
from engage_server.services.installation.audit_log import AuditLog

_MOST_ENTRIES = 1000


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
    wanted = AuditFilter(site=site, actions=CHANGES_OF_SITE, since=since)
    by_time = _by_time(log.page(wanted, None, _MOST_ENTRIES).items)
    return {
        each.number: ReleaseActs(
            by_time.get(each.staged_at, ""), by_time.get(each.activated_at, "") if each.activated_at else ""
        )
        for each in releases
    }


def _by_time(entries: Sequence[AuditEntry]) -> dict[datetime, str]:
    return {entry.event.at: entry.event.actor for entry in reversed(entries)}
