"""Paths to sites, and what links reported of them."""

from typing import Any

from engage_server.records import StoredPathEvent
from engage_server.services.site_path.paths import LinkReport
from engage_server.services.site_path.standing import SitePath


def path_json(path: SitePath) -> dict[str, Any]:
    """What is known of a path."""
    return {
        "state": path.state.value,
        "since": path.since.isoformat() if path.since else None,
        "link": path.link or None,
        "said_by": path.said_by or None,
    }


def link_json(report: LinkReport) -> dict[str, Any]:
    """A link at a moment."""
    standing = report.standing
    return {
        "link": standing.link,
        "site": standing.site,
        "partner": standing.partner or None,
        "expects_seconds": standing.expects_seconds or None,
        "last_worked_at": standing.works_at.isoformat() if standing.works_at else None,
        "path": path_json(report.path),
    }


def path_event_json(stored: StoredPathEvent) -> dict[str, Any]:
    """An event of a link."""
    event = stored.event
    return {
        "number": stored.number,
        "at": event.at.isoformat(),
        "site": event.site or None,
        "link": event.link,
        "kind": event.kind,
        "says": event.says.value,
        "detail": dict(event.detail),
    }
