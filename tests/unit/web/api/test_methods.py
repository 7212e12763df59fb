"""A method that a path lacks is refused, and the answer names those that it has."""

from collections import defaultdict

import pytest

from engage_server.web.api.routes.table import ROUTES
from tests.support.api import Api, problem

_VALUES = {"{site}": "main", "{number}": "1", "{serial}": "0" * 32}


def _methods() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for route in ROUTES:
        path = route.path
        for name, value in _VALUES.items():
            path = path.replace(name, value)
        found[path] |= {route.method, "HEAD"} if route.method == "GET" else {route.method}
    return found


@pytest.mark.parametrize(("path", "methods"), _methods().items())
def test_allow_names_the_methods_of_the_table(api: Api, path: str, methods: set[str]) -> None:
    for method in ("OPTIONS", "TRACE"):
        refused = api.system().send(method, path)
        assert problem(refused) == (405, "request.method")
        assert set(refused.allow) == methods


@pytest.mark.parametrize("number", ["0", "01", "-1", "1.0", "9999999999", "%31%20"])
def test_what_is_no_number_is_not_there(api: Api, number: str) -> None:
    assert problem(api.system().get(f"/sites/main/releases/{number}"))[0] == 404
