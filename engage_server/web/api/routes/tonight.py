"""Who is at risk tonight."""

from typing import Annotated

from pydantic import Field

from engage_server.as_json.tonight import TonightJson, tonight_json
from engage_server.services.access.permissions import Act, assert_may, may
from engage_server.services.risk.doors import told_to
from engage_server.web.api.route import Answer, Call, Query, Route, Scope


class TonightQuery(Query):
    """Which site, and how many doors of each."""

    site: Annotated[str, Field(max_length=63, pattern="^[a-z0-9][a-z0-9_-]*$", examples=["main"])] | None = Field(
        None, description="Only this site."
    )
    limit: Annotated[int, Field(ge=1, le=1000)] = Field(
        100, description="The most doors of each site. The counts are of all of them."
    )


def get_tonight(call: Call[TonightQuery, None]) -> Answer[TonightJson]:
    """Judge the sites that the caller may see."""
    now, wanted = call.occasion.now, call.query.site
    if wanted is None:
        found = call.services.recent_tonight.look(now, lambda site: may(call.actor, Act.TONIGHT_SEE, site))
    else:
        assert_may(call.actor, Act.TONIGHT_SEE, wanted)
        found = [call.services.recent_tonight.look_at(wanted, now)]
    shown = [told_to(each, lambda site: may(call.actor, Act.TONIGHT_SEE, site)) for each in found]
    return Answer(tonight_json(shown, call.query.limit, sees_hosts=may(call.actor, Act.HOST_SEE)))


ROUTES = (
    Route(
        method="GET",
        path="/tonight",
        act=Act.TONIGHT_SEE,
        summary="The doors that are at risk tonight, the worst first, and what to do",
        description="Tonight is the time until the next noon at each site. A door is listed once, with all of its "
        "risks. Sites that you may not see are left out. Names of hosts that serve are shown to callers with a role at "
        "all sites.",
        handle=get_tonight,
        answer=TonightJson,
        query=TonightQuery,
        scope=Scope.SOMEWHERE,
        tag="installation",
        problems=("site.not_found", "access.site"),
    ),
)
