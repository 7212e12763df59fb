"""What there is at a glance, and whether somebody should act today."""

from engage_server.as_json.status import (
    SeenStatusJson,
    ServedSiteStatusJson,
    seen_status_json,
    served_site_status_json,
)
from engage_server.services.access.permissions import Act, may
from engage_server.web.api.route import Answer, Call, NoQuery, Route, Scope


def get_status(call: Call[NoQuery, None]) -> Answer[SeenStatusJson]:
    """Look at all sites that the caller may see."""
    occasion = call.occasion
    found = call.services.overview.look(occasion, lambda site: may(call.actor, Act.STATUS_SEE, site))
    uploads = {each.site.name: call.services.uploads.counts(each.site.name) for each in found.sites}
    if not may(call.actor, Act.HOST_SEE):
        return Answer(seen_status_json(found, occasion.now, uploads, None, None))
    backups, balancer = call.services.backup_standing(occasion.now), call.services.balancers_address(occasion.now)
    return Answer(seen_status_json(found, occasion.now, uploads, backups, balancer))


def get_site_status(call: Call[NoQuery, None]) -> Answer[ServedSiteStatusJson]:
    """Look at one site."""
    found = call.services.overview.look_at(call.site, call.occasion)
    uploads, sees_all = call.services.uploads.counts(call.site), may(call.actor, Act.HOST_SEE)
    return Answer(served_site_status_json(found, call.occasion.now, uploads, sees_all=sees_all))


ROUTES = (
    Route(
        method="GET",
        path="/status",
        act=Act.STATUS_SEE,
        summary="The sites that you may see at a glance, and whether somebody should act today",
        description="What serves the sites, and the age of backups, are shown to callers with a role at all sites. "
        "Uploads are those of the host that answers.",
        handle=get_status,
        answer=SeenStatusJson,
        scope=Scope.SOMEWHERE,
        tag="installation",
    ),
    Route(
        method="GET",
        path="/sites/{site}/status",
        act=Act.STATUS_SEE,
        summary="One site at a glance, and whether somebody should act today",
        handle=get_site_status,
        answer=ServedSiteStatusJson,
    ),
)
