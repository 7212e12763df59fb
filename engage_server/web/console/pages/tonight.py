"""Tonight: which doors are at risk, the worst first."""

from collections.abc import Mapping, Sequence
from typing import Any

from engage_server.records import Site
from engage_server.services.access.permissions import Act, may
from engage_server.services.risk.doors import told_to
from engage_server.services.risk.groups import groups_of
from engage_server.services.risk.kinds import RENEWAL_LATE, RENEWAL_SOON, ROTATION_WAITS
from engage_server.services.risk.known import SiteTonight
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Page
from engage_server.web.console.visit import Visit

_SITES = 64  # of a page
_DOORS = 50  # of each site
_DOORS_OF_ALL = 200  # of the sites of a page together
_HTTP, _HTTPS = 80, 443
_LEADS_TO = {ROTATION_WAITS.code: "rotation", RENEWAL_LATE.code: "rotation", RENEWAL_SOON.code: "rotation"}


def show(visit: Visit) -> Mapping[str, Any]:
    """All sites that the visitor may see, the worst first."""
    found = sites_tonight(visit)
    sites = {each.name: each for each in visit.services.sites.all()}
    shown, following = _page(found, visit)
    most = max(1, min(_DOORS, visit.at_most(_DOORS_OF_ALL) // max(1, len(shown))))
    return {
        "nights": [(sites[each.site], each, groups_of(each.doors[:most])) for each in shown if each.site in sites],
        "count": len(found),
        "cursor": following,
        "most": most,
        "at_risk": sum(len(each.doors) for each in found),
        "is_cut": any(each.is_cut for each in found),
        "explained": sum(each.explained for each in found),
        "without_doors": [each.site for each in shown if not each.doors and not _has_doors(visit, each.site)],
        "served": visit.services.current_releases(),
        "leads_to": _LEADS_TO,
        "backup_overdue": _overdue_backup(visit),
        "zone_of": visit.zone_of,
        "try_it": lambda site: _try_it(visit, site),
        "zone": "each site's own",
    }


def _page(found: Sequence[SiteTonight], visit: Visit) -> tuple[Sequence[SiteTonight], str | None]:
    """Some sites, and the cursor of the next ones: the name of the last site that was shown."""
    after, most = visit.query.get("cursor", ""), visit.at_most(_SITES)
    place = next((place for place, each in enumerate(found, 1) if each.site == after), 0)
    shown = found[place : place + most]
    return shown, shown[-1].site if place + most < len(found) else None


def _overdue_backup(visit: Visit) -> str:
    """What is wrong with nightly backups, for who may see what belongs to no site. "" if nothing is."""
    if not visit.may(Act.HOST_SEE):
        return ""
    standing = visit.services.backup_standing(visit.now)
    return standing.faults[0] if standing.needs_attention else ""


def _try_it(visit: Visit, site: Site) -> str:
    """The command by which a virtual lock calls a site."""
    http, https = visit.services.device_ports
    host = site.hosts[0].in_url if http == _HTTP else f"{site.hosts[0].in_url}:{http}"
    return f"engage lock fetch http://{host}{'' if https == _HTTPS else f' --https-port {https}'}"


def _has_doors(visit: Visit, site: str) -> bool:
    return bool(visit.services.evidence.devices(site, visit.now, limit=1))


def sites_tonight(visit: Visit) -> list[SiteTonight]:
    """What is at risk at each site that the visitor may see, the worst first."""

    def may_see(site: str) -> bool:
        return may(visit.actor, Act.TONIGHT_SEE, site)

    return [told_to(each, may_see) for each in visit.services.recent_tonight.look(visit.now, may_see)]


PAGES = (Page("tonight", "/", "Tonight", Act.TONIGHT_SEE, show, Scope.SOMEWHERE, is_refreshed=True),)
