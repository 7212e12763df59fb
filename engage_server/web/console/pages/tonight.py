"""Tonight: which doors are at risk, the worst first, and the list with which somebody walks to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from engage_server.records import Site
from engage_server.services.access.permissions import Act, may
from engage_server.services.risk.doors import told_to
from engage_server.services.risk.groups import groups_of
from engage_server.services.risk.kinds import RENEWAL_LATE, RENEWAL_SOON, ROTATION_WAITS
from engage_server.services.risk.known import DoorAtRisk, SiteTonight
from engage_server.services.risk.walking import at_the_door
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Page
from engage_server.web.console.visit import Visit

_DOORS = 50  # of each site
_WALKED = 500
_HTTP, _HTTPS = 80, 443
_LEADS_TO = {ROTATION_WAITS.code: "rotation", RENEWAL_LATE.code: "rotation", RENEWAL_SOON.code: "rotation"}


def show(visit: Visit) -> Mapping[str, Any]:
    """All sites that the visitor may see, the worst first."""
    found = _sites(visit)
    sites = {each.name: each for each in visit.services.sites.all()}
    return {
        "nights": [(sites[each.site], each, groups_of(each.doors[:_DOORS])) for each in found if each.site in sites],
        "most": _DOORS,
        "at_risk": sum(len(each.doors) for each in found),
        "without_doors": [each.site for each in found if not each.doors and not _has_doors(visit, each.site)],
        "served": visit.services.current_releases(),
        "leads_to": _LEADS_TO,
        "zone_of": visit.zone_of,
        "try_it": lambda site: _try_it(visit, site),
        "zone": "each site's own",
    }


def _try_it(visit: Visit, site: Site) -> str:
    """The command by which a virtual lock calls a site."""
    http, https = visit.services.device_ports
    host = site.hosts[0].in_url if http == _HTTP else f"{site.hosts[0].in_url}:{http}"
    return f"engage lock fetch http://{host}{'' if https == _HTTPS else f' --https-port {https}'}"


def _has_doors(visit: Visit, site: str) -> bool:
    return bool(visit.services.evidence.devices(site, visit.now, limit=1))


def show_walk(visit: Visit) -> Mapping[str, Any]:
    """The doors that somebody should walk to, by place."""
    doors = [door for each in _sites(visit) for door in each.doors]
    sites = {each.name: each for each in visit.services.sites.all()}
    places = [
        (sites[site], place, [(door, at_the_door(door)) for door in some])
        for site, place, some in by_place(doors[:_WALKED])
        if site in sites
    ]
    zones = {str(visit.zone_of(site)) for site, *_ in places}
    return {
        "places": places,
        "left_out": max(0, len(doors) - _WALKED),
        "zone_of": visit.zone_of,
        "zone": zones.pop() if len(zones) == 1 else "each site's own" if zones else "UTC",
    }


def by_place(doors: Sequence[DoorAtRisk]) -> list[tuple[str, str, list[DoorAtRisk]]]:
    """Site, place and doors there, sorted. Doors without a place come last."""
    places: dict[tuple[str, str], list[DoorAtRisk]] = {}
    for door in doors:
        places.setdefault((door.site, door.label.place), []).append(door)
    order = sorted(places, key=lambda place: (place[0], not place[1], place[1]))
    return [(site, place, sorted(places[site, place], key=lambda door: door.title)) for site, place in order]


def _sites(visit: Visit) -> list[SiteTonight]:
    def may_see(site: str) -> bool:
        return may(visit.actor, Act.TONIGHT_SEE, site)

    return [told_to(each, may_see) for each in visit.services.recent_tonight.look(visit.now, may_see)]


PAGES = (
    Page("tonight", "/", "Tonight", Act.TONIGHT_SEE, show, Scope.SOMEWHERE, is_refreshed=True),
    Page("walk-list", "/tonight/walk-list", "Walk list", Act.TONIGHT_SEE, show_walk, Scope.SOMEWHERE),
)
