"""What holds of every row of the table of routes."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from engage_server.errors import Conflict, EngageError, NotFound, NotPossible, Refused, UpstreamAway, UsageError
from engage_server.services.access.permissions import PERMISSIONS, Act
from engage_server.services.chains.sent.reading import open_here
from engage_server.web.api.blueprint import blueprint
from engage_server.web.api.document.operations import codes_of
from engage_server.web.api.path_parameters import PATH_PARAMETERS, flask_rule, names_in
from engage_server.web.api.problem_codes import PROBLEM_CODES
from engage_server.web.api.requests.body_limits import bodies_of, body_limit
from engage_server.web.api.route import Answer, NoQuery, Route, Scope
from engage_server.web.api.routes.table import ROUTES
from engage_server.web.sign_in.cookie import SessionCookie
from engage_server.web.surroundings import Surroundings
from tests.support.api import Api
from tests.support.api_requests import AnyRoute, has_reason, path_of
from tests.support.chains import NOW
from tests.support.operators import operators_app

BY_NAME = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)

# what is sent because it is too long for an address; nothing is changed
ONLY_READ = {"check_chain", "plan_rotation"}
# changes what is no site's, so that no version can be compared; doing it twice does it once
WITHOUT_CONDITION: set[str] = set()


def test_each_route_stands_once() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES), "names are operationIds, for good"
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert {route.method for route in ROUTES} <= {"GET", "POST", "PUT", "PATCH", "DELETE"}


@BY_NAME
def test_what_changes_something_is_conditional_recorded_and_has_a_reason(route: AnyRoute) -> None:
    is_safe = route.method == "GET" or route.name in ONLY_READ
    assert (route.writes is None) is is_safe, "an act has its entry in the audit log"
    if route.name not in WITHOUT_CONDITION:
        assert (route.version is None and route.replayed is None) is is_safe
    assert has_reason(route) or is_safe
    assert PERMISSIONS[route.act].is_recorded is not is_safe


@BY_NAME
def test_who_may_call_it(route: AnyRoute) -> None:
    permission = PERMISSIONS[route.act]
    assert permission.role is not None, "what the command line alone may do has no route"
    if route.scope is Scope.SITE and permission.of_site:
        assert "site" in names_in(route.path), "or else the caller needs a role at all sites"
    if route.scope is Scope.OPEN:
        assert route.name == "get_openapi"
    if route.scope is Scope.SOMEWHERE:
        assert "site" not in names_in(route.path)


@BY_NAME
def test_its_path_and_its_problems_are_known(route: AnyRoute) -> None:
    assert set(names_in(route.path)) <= set(PATH_PARAMETERS)
    assert set(codes_of(route)) <= set(PROBLEM_CODES)
    assert route.path.startswith("/")
    assert not route.path.endswith("/")


def test_the_urls_of_the_api_are_those_of_the_table(api: Api) -> None:
    served = {
        (method, rule.rule)
        for rule in api.app.url_map.iter_rules()
        if rule.rule.startswith("/api")
        for method in rule.methods or ()
    }
    named = {(route.method, f"/api/v1{flask_rule(route.path)}") for route in ROUTES}
    heads = {("HEAD", path) for method, path in named if method == "GET"}
    assert served == named | heads
    others = {rule.rule for rule in api.app.url_map.iter_rules()} - {path for _, path in served}
    assert others == {"/metrics", "/healthz", "/readyz"}


class Raising:
    """A route that raises what a test says."""

    def __init__(self) -> None:
        self.error: Exception = ValueError()

        def raise_it(_call: Any) -> Answer[dict[str, Any]]:
            raise self.error

        def services() -> Any:
            return None

        route = Route(
            method="GET",
            path="/fails",
            act=Act.STATUS_SEE,
            summary="",
            handle=raise_it,
            answer=dict[str, Any],
            query=NoQuery,
            scope=Scope.OPEN,
        )
        around = Surroundings(services, lambda: NOW, lambda: None, SessionCookie(secure=False), open_here)
        app = operators_app([blueprint(around, [route])])
        app.logger.setLevel(logging.CRITICAL)
        self.client: FlaskClient = app.test_client()


@pytest.fixture(scope="module")
def raising() -> Iterator[Raising]:
    yield Raising()


@pytest.mark.parametrize("code", PROBLEM_CODES)
def test_each_code_has_its_status_whatever_raises_it(raising: Raising, code: str) -> None:
    for kind in (NotFound, Conflict, UsageError, Refused, NotPossible):
        raising.error = kind("this happened", "do that", code=code)
        answer = raising.client.get("/api/v1/fails")
        assert answer.content_type == "application/problem+json"
        said = answer.json
        assert said is not None
        assert (answer.status_code, said["status"], said["code"]) == (PROBLEM_CODES[code][0], said["status"], code)
        assert said["detail"]
        assert said["next_step"]
        assert ("WWW-Authenticate" in answer.headers) is (answer.status_code == 401), "RFC 9110 section 11.6.1"
        assert ("Retry-After" in answer.headers) is (answer.status_code == 503)


@pytest.mark.parametrize("code", [code for code, (status, _) in PROBLEM_CODES.items() if status == 503])
def test_a_known_time_to_come_again_is_told(raising: Raising, code: str) -> None:
    raising.error = UpstreamAway("away", "Wait.", retry_seconds=77, code=code)
    assert raising.client.get("/api/v1/fails").headers["Retry-After"] == "77"


def test_what_nobody_foresaw_tells_nothing(raising: Raising) -> None:
    for error in (ValueError("hush"), KeyError("hush"), AssertionError("hush")):
        raising.error = error
        answer = raising.client.get("/api/v1/fails")
        assert (answer.status_code, answer.json and answer.json["code"]) == (500, "server.defect")
        assert "hush" not in answer.text
    raising.error = EngageError("what no class of errors fits", "next")
    assert raising.client.get("/api/v1/fails").status_code == 500


def test_a_body_may_be_as_long_as_its_route_says() -> None:
    least = 1024
    limit = body_limit(bodies_of(ROUTES), least)
    for route in ROUTES:
        path = f"/api/v1{path_of(route)}"
        same = [each.body_bytes for each in ROUTES if f"/api/v1{path_of(each)}" == path]
        assert limit(path) == max(*same, least)
        assert limit(path.replace("/api/v1", "/api/v2")) == limit(f"{path}/x/y/z") == limit("/") == least
    site = f"/api/v1{path_of(next(each for each in ROUTES if each.name == 'stage_release'))}"
    assert limit(site.replace("main", "%6Dain")) == limit(site) > least
    assert limit(site.replace("/releases", "%2Freleases")) == limit(site), "as the app reads it"
