"""The links to other pages. Those that the visitor may not see are left out."""

from dataclasses import dataclass

from engage_server.errors import Refused
from engage_server.services.access.permissions import Act, assert_may_somewhere, may
from engage_server.web.console.visit import Visit


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a page.

    Attributes:
        title: What it is called.
        path: Where it leads.
        is_here: Whether it leads to the page that is shown.
    """

    title: str
    path: str
    is_here: bool


# name of the page, title, path, act; whether a role at one site is enough
_MAIN = (
    ("tonight", "Tonight", "/", Act.TONIGHT_SEE, True),
    ("audit-log", "Audit log", "/audit-log", Act.AUDIT_SEE, True),
    ("check", "Check a chain", "/check", Act.CHAIN_CHECK, True),
    ("people", "People", "/people", Act.PEOPLE_SEE, False),
    ("about", "About", "/about", Act.STATUS_SEE, True),
)
_OF_SITE = (
    ("site", "Overview", "", Act.SITE_SEE),
    ("releases", "Releases", "/releases", Act.RELEASE_SEE),
    ("rotation", "Rotation", "/rotation", Act.ROTATION_SEE),
    ("doors", "Doors", "/doors", Act.DEVICE_SEE),
    ("call-ins", "Call-ins", "/call-ins", Act.DEVICE_FILES_SEE),
)
# pages below another one
_BELOW = {
    "release": "releases",
    "release-comparison": "releases",
    "rotation-past": "rotation",
    "door": "doors",
    "tokens": "people",
    "find-doors": "tonight",
    "walk-list": "tonight",
}


def main_links(visit: Visit) -> list[Link]:
    """Those to pages of no site."""
    here = _BELOW.get(visit.page.name, visit.page.name)
    return [
        Link(title, path, name == here)
        for name, title, path, act, somewhere in _MAIN
        if (_may_somewhere(visit, act) if somewhere else may(visit.actor, act))
    ]


def site_links(visit: Visit) -> list[Link]:
    """Those to the other pages of the site in the path."""
    if not visit.page.is_of_site:
        return []
    here = _BELOW.get(visit.page.name, visit.page.name)
    base = f"/sites/{visit.site.name}"
    return [Link(title, base + path, name == here) for name, title, path, act in _OF_SITE if visit.may(act)]


def _may_somewhere(visit: Visit, act: Act) -> bool:
    try:
        assert_may_somewhere(visit.actor, act)
    except Refused:
        return False
    return True
