"""Who may call which route: every role, at every site, as a token and as a person. The table of acts alone decides.

No request of this module acts: those that may go on are not complete.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest

from engage_server.records import Host, Role
from engage_server.services.access.permissions import PERMISSIONS, Act
from engage_server.web.api.path_parameters import names_in
from engage_server.web.api.route import Scope
from engage_server.web.api.routes.table import ROUTES
from tests.support.api import Api, Caller, problem
from tests.support.api_requests import AnyRoute, path_of
from tests.support.world import World

WHERE: dict[str, tuple[str, ...] | None] = {"all": None, "this": ("main",), "other": ("depot",), "none": ()}
KINDS = ("token", "person")
RANKS = [Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMIN]

# what no route does, although a role may: it has pages or commands of its own, or comes with the console
NOT_IN_THE_API = {
    *(Act.SITE_RENAME, Act.SITE_REMOVE, Act.HOST_SEE, Act.HOST_FORGET, Act.LINK_SEE, Act.KPN_DEVICE_SEE),
    *(Act.KPN_DEVICE_CHANGE, Act.DOWNLINK_SEE, Act.DOWNLINK_SEND, Act.PEOPLE_SEE, Act.PEOPLE_CHANGE, Act.TOKEN_SEE),
    *(Act.SIM_SEE, Act.SIM_SET, Act.SIM_RETIRE, Act.SIM_CHANGE, Act.SIM_MESSAGE_SEND, Act.SIM_NETWORK_CHANGE),
    *(Act.SIM_USER_SEE, Act.SIM_USER_ADD, Act.ALERT_SEE, Act.ALERT_CHANGE, Act.ALERT_TEST),
    *(Act.TOKEN_CHANGE, Act.METRICS_SEE, Act.SETTINGS_SEE, Act.UPLOAD_TRY_AGAIN, Act.UPLOAD_DISCARD),
}
# without a site they answer for all that the caller may see
MAY_NAME_SITE = {"get_tonight"}


class Standing(NamedTuple):
    """Who calls."""

    role: Role
    where: str
    kind: str


ALL = [Standing(*each) for each in product(RANKS, WHERE, KINDS)]


class Matrix:
    """A site with everything, another one, and a caller of each standing."""

    def __init__(self, world: World) -> None:
        self.world, self.api = world, Api(world)
        self.callers: dict[Standing, Caller] = {}

    def caller(self, standing: Standing) -> Caller:
        """Made once: passwords are costly."""
        if standing not in self.callers:
            role, where, kind = standing
            name = f"{role.value}-{where}"
            make = self.api.system(role, WHERE[where]) if kind == "token" else None
            self.callers[standing] = make or self.api.person(name, role, WHERE[where])
        return self.callers[standing]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with World(tmp_path_factory.mktemp("matrix")) as world:
        world.add_site()
        world.add_site("depot", hosts=(Host("depot.example.org"),))
        world.release()
        yield Matrix(world)


def refusal(route: AnyRoute, standing: Standing) -> str:
    """The code that the table gives. "" if the caller may."""
    permission, sites = PERMISSIONS[route.act], WHERE[standing.where]
    if route.scope is Scope.OPEN:
        return ""
    if permission.role is None:
        return "access.command_line_only"
    if permission.people_only and standing.kind == "token":
        return "access.people_only"
    if RANKS.index(standing.role) < RANKS.index(permission.role):
        return "access.role"
    if sites is None or (route.scope is Scope.SOMEWHERE and not must_name_site(route)):
        return ""
    if must_name_site(route):
        return "" if "main" in sites else "access.site"
    is_of_site = route.scope is Scope.SITE and permission.of_site and "site" in names_in(route.path)
    return "" if is_of_site and "main" in sites else "access.site"


def must_name_site(route: AnyRoute) -> bool:
    """Whether a caller with a role at some sites asks for one of them."""
    names_one = route.scope is Scope.SOMEWHERE and "site" in route.query.model_fields
    return names_one and route.name not in MAY_NAME_SITE


def address_of(route: AnyRoute) -> str:
    """Of the site main, in the path or in the query."""
    return path_of(route) + ("?site=main" if must_name_site(route) else "")


@pytest.mark.parametrize("standing", ALL, ids=lambda each: f"{each.role}-{each.where}-{each.kind}")
def test_each_route_asks_the_table(matrix: Matrix, standing: Standing) -> None:
    caller, before = matrix.caller(standing), matrix.world.store.audit_head()
    for route in ROUTES:
        wanted, answer = refusal(route, standing), caller.send(route.method, address_of(route))
        if wanted:
            assert problem(answer) == (403, wanted), route.name
        else:
            assert answer.status_code not in (401, 403, 500), (route.name, answer.text)
        if route.method != "GET":
            assert answer.status_code >= 400, f"{route.name}: nothing is changed without a condition, a key or a body"
    grown = matrix.world.store.audit_head().number - before.number
    assert grown <= 3, "nothing but the caller's own sign-in or token"


def test_whoever_has_some_sites_must_name_one_of_them(matrix: Matrix) -> None:
    for route in filter(must_name_site, ROUTES):
        for query, code in (("", "access.site"), ("?site=depot", "access.site"), ("?site=main", "")):
            answer = matrix.caller(Standing(Role.ADMIN, "this", "token")).get(path_of(route) + query)
            assert (problem(answer)[1] if code else answer.status_code) == (code or 200), route.name


def test_nobody_gets_past_the_door(matrix: Matrix) -> None:
    nobody = matrix.api.nobody()
    for route in ROUTES:
        answer = nobody.send(route.method, path_of(route))
        if route.scope is Scope.OPEN:
            assert answer.status_code == 200
        else:
            assert problem(answer) == (401, "token.missing"), route.name


def test_the_matrix_holds_both_answers_for_each_route() -> None:
    """The control: no route is refused to everybody, and none but the open one is open to all."""
    for route in ROUTES:
        refused = {bool(refusal(route, standing)) for standing in ALL}
        is_anybodys = PERMISSIONS[route.act].role is Role.VIEWER and not must_name_site(route)
        if is_anybodys and route.scope in (Scope.SOMEWHERE, Scope.OPEN):
            assert refused == {False}, route.name
        else:
            assert refused == {True, False}, route.name


def test_every_act_has_a_route_or_a_reason_for_none() -> None:
    by_route = {route.act for route in ROUTES}
    by_command_alone = {act for act, permission in PERMISSIONS.items() if permission.role is None}
    assert by_route & (by_command_alone | NOT_IN_THE_API) == set()
    assert set(Act) == by_route | by_command_alone | NOT_IN_THE_API


def test_no_route_lets_anybody_raise_themselves() -> None:
    """People, tokens, keys and what approvals are needed for are changed elsewhere."""
    raising = {Act.PEOPLE_CHANGE, Act.TOKEN_CHANGE, Act.SITE_KEY_EXPORT, Act.RELEASE_KEY_EXPORT, Act.SITE_ADD}
    assert not raising & {route.act for route in ROUTES}
    forbidden = {"role", "sites", "grant", "approvals", "needed_approvals", "site_key", "maker", "actor", "person"}
    for route in ROUTES:
        for shape in (route.query, route.body):
            named = set(getattr(shape, "model_fields", ()))
            # the audit log's filter names an actor
            assert not named & forbidden - ({"actor"} if route.act is Act.AUDIT_SEE else set()), route.name
