"""The walk list: the doors at risk by place, for paper. Somebody takes it along and walks from door to door."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import escape

from engage_server.errors import NotFound
from engage_server.records import Site
from engage_server.services.access.permissions import Act
from engage_server.services.risk.kinds import PATH_CUT
from engage_server.services.risk.known import DoorAtRisk, Risk, SiteTonight
from engage_server.services.risk.walking import WalkPlace, at_the_door, by_place, walk_pages
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Page
from engage_server.web.console.pages.tonight import sites_tonight
from engage_server.web.console.visit import Visit

_PATHS = 20  # sites whose path is cut
_PAGE_BYTES = 80_000  # the frame and the links around the list have the rest of what a page may have
_DOOR_BYTES = 550  # of the markup of a door, without what is said of it
_RISK_BYTES = 60
_PLACE_BYTES = 200
_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


def show(visit: Visit) -> Mapping[str, Any]:
    """One page of the doors that somebody should walk to.

    Raises:
        NotFound: There is no such page any more (``page.not_found``).
    """
    nights = sites_tonight(visit)
    sites = {each.name: each for each in visit.services.sites.all()}
    doors = [door for each in nights for door in each.doors if door.site in sites]
    pages = walk_pages(by_place(doors), _weight, lambda place: _heading(sites[place.site], place), _PAGE_BYTES)
    number = _number(visit, len(pages))
    page = pages[number - 1] if pages else ()
    zones = {str(visit.zone_of(sites[each.site])) for each in page}
    return {
        "places": [(sites[each.site], each, [(door, at_the_door(door)) for door in each.doors]) for each in page],
        "count": len(doors),
        "number": number,
        "pages": len(pages),
        "paths": _cut_paths(nights, sites) if number == 1 else [],
        "not_judged": [each.site for each in nights if not each.is_complete],
        "zone_of": visit.zone_of,
        "zone": zones.pop() if len(zones) == 1 else "each site's own" if zones else "UTC",
    }


def _cut_paths(nights: Sequence[SiteTonight], sites: Mapping[str, Site]) -> list[tuple[Site, Risk]]:
    """Why silent doors are not on the list, of the first sites."""
    found = [(each.site, risk) for each in nights for risk in each.risks if risk.kind is PATH_CUT and risk.silent]
    return [(sites[name], risk) for name, risk in found if name in sites][:_PATHS]


def _weight(door: DoorAtRisk) -> int:
    """At least as many bytes as the door takes on the page."""
    said = at_the_door(door)
    texts = [door.site, door.identity * 2, door.label.name, *(each.why + each.do for each in said)]
    return _DOOR_BYTES + _RISK_BYTES * len(said) + sum(map(_bytes_of, texts))


def _heading(site: Site, place: WalkPlace) -> int:
    return _PLACE_BYTES + _bytes_of(site.title or site.name) + _bytes_of(place.place)


def _bytes_of(text: str) -> int:
    return len(escape(text).encode())


def _number(visit: Visit, pages: int) -> int:
    text = visit.query.get("page", "") or "1"
    if not _NUMBER.fullmatch(text) or int(text) > max(1, pages):
        raise NotFound(
            f"the walk list has no page {text[:20]!r}: it has {pages} now",
            "Open the walk list again, from its first page.",
            code="page.not_found",
        )
    return int(text)


PAGES = (Page("walk-list", "/tonight/walk-list", "Walk list", Act.TONIGHT_SEE, show, Scope.SOMEWHERE),)
