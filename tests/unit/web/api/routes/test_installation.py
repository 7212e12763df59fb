"""What a caller learns of itself."""

import pytest

from engage_server.records import Role
from engage_server.web.api.route import Scope
from engage_server.web.api.routes.table import ROUTES
from tests.support.api import Api

_OPEN_TO_ONE_SITE = sorted(
    {route.act for route in ROUTES if route.scope in (Scope.SITE, Scope.SOMEWHERE)} - {"rotation:approve"}
)
_OF_ALL_SITES = ("host:see", "metrics:see", "people:see")


@pytest.mark.parametrize("act", _OPEN_TO_ONE_SITE)
def test_a_token_for_one_site_is_told_each_act_that_a_route_takes_from_it(api: Api, act: str) -> None:
    assert act in api.system(Role.ADMIN, ("main",)).json("/caller")["acts"]


def test_it_is_not_told_what_needs_all_sites_or_another_role(api: Api) -> None:
    acts = api.system(Role.ADMIN, ("main",)).json("/caller")["acts"]
    assert not {*_OF_ALL_SITES, "rotation:approve"} & set(acts)
    assert "release:stage" not in api.system(Role.VIEWER, ("main",)).json("/caller")["acts"]
    assert set(_OF_ALL_SITES) <= set(api.system(Role.ADMIN).json("/caller")["acts"])
