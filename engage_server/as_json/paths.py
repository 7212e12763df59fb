"""Paths to sites, and what links reported of them."""

from engage_server.as_json.formats import Instant, Shape
from engage_server.records import PathSays, StoredPathEvent
from engage_server.services.site_path.paths import LinkReport
from engage_server.services.site_path.standing import PathState, SitePath


class PathJson(Shape):
    """The path to a site, or one link of it."""

    state: PathState
    """Whether it carries anything. ``unknown``: no link says so."""
    since: Instant | None
    """Since when it is so. Null: nothing was ever reported."""
    link: str | None
    """The name of the link that says so. Null: the site has none."""
    said_by: str | None
    """The kind of the event that says so. ``silence``: no event came. Null: nothing says so."""


class LinkJson(Shape):
    """One link to a site."""

    link: str
    """Its name in ``links.toml``."""
    site: str
    """The name of the site that it leads to."""
    partner: str | None
    """Whose link it is, such as ``kpn``. Null: it was never registered."""
    expects_seconds: int | None
    """How often something should come over it. Null: nobody said."""
    last_worked_at: Instant | None
    """When an event last said that it works. Null: none did."""
    path: PathJson
    """What follows from its events."""


class PathEventJson(Shape):
    """One thing that a link reported."""

    number: int
    """It grows with each event. Numbers may be missing."""
    at: Instant
    """When this host received it."""
    site: str | None
    """The name of the site. Null: the link leads to none."""
    link: str
    """The name of the link in ``links.toml``."""
    kind: str
    """What happened, in the partner's own words."""
    says: PathSays
    """What follows for the path."""
    detail: dict[str, str]
    """More about it, never a secret."""


def path_json(path: SitePath) -> PathJson:
    """What is known of a path."""
    return {
        "state": path.state,
        "since": path.since.isoformat() if path.since else None,
        "link": path.link or None,
        "said_by": path.said_by or None,
    }


def link_json(report: LinkReport) -> LinkJson:
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


def path_event_json(stored: StoredPathEvent) -> PathEventJson:
    """An event of a link."""
    event = stored.event
    return {
        "number": stored.number,
        "at": event.at.isoformat(),
        "site": event.site or None,
        "link": event.link,
        "kind": event.kind,
        "says": event.says,
        "detail": dict(event.detail),
    }
