"""Find a door: by name, place or serial number, at all sites that the visitor may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engage_server.records import Site
from engage_server.services.access.permissions import Act
from engage_server.services.doors.listing import DoorList, listed_doors
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Page
from engage_server.web.console.visit import Visit

_LONGEST_SEARCH = 120
_ROWS = 100
_OF_A_SITE = 20
_SITES = 100  # that are asked for one page


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found, and where the next page begins: after the site of that name."""

    of_sites: list[tuple[Site, DoorList]]
    cursor: str | None


def show(visit: Visit) -> Mapping[str, Any]:
    """The doors that fit, site by site. Nothing is looked for without a search."""
    search = visit.query.get("search", "").strip()[:_LONGEST_SEARCH]
    found = _found(visit, search) if search else _Found([], None)
    zones = {site.name: visit.zone_of(site) for site, _ in found.of_sites}
    return {
        "search": search,
        "found": found.of_sites,
        "cursor": found.cursor,
        "zones": zones,
        "zone": "each site's own",
    }


def _found(visit: Visit, search: str) -> _Found:
    def may_see(site: str) -> bool:
        return visit.may(Act.DEVICE_SEE, site)

    after, evidence = visit.query.get("cursor", ""), visit.services.evidence
    sites = [each for each in visit.services.sites.all() if each.name > after and may_see(each.name)]
    rows, found = visit.at_most(_ROWS), []
    for place, site in enumerate(sorted(sites, key=lambda each: each.name), 1):
        wanted = evidence.filter(site.name, visit.now, search=search)
        doors = listed_doors(evidence, site.name, visit.now, wanted, None, min(rows, visit.at_most(_OF_A_SITE)))
        if doors.doors or doors.next:
            found.append((site, DoorList([each.told_to(may_see) for each in doors.doors], doors.next)))
        rows -= len(doors.doors)
        if place < len(sites) and (rows <= 0 or place >= _SITES):
            return _Found(found, site.name)
    return _Found(found, None)


PAGES = (Page("find-doors", "/doors", "Find a door", Act.DEVICE_SEE, show, Scope.SOMEWHERE),)
