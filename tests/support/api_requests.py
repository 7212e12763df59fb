"""A request to any route of the API, made from its row in the table."""

from typing import Any

from engage_server.web.api.path_parameters import names_in
from engage_server.web.api.route import Route
from tests.support.world import serial_of

AnyRoute = Route[Any, Any, Any]


def path_of(route: AnyRoute, **other: str) -> str:
    """A path at which the route stands: the site main, number 1, the first device, unless it is said otherwise."""
    known = {"site": "main", "number": "1", "serial": serial_of(1), **other}
    return route.path.format(**{name: known.get(name, "x") for name in names_in(route.path)})


def changes(route: AnyRoute) -> bool:
    """Whether a route may change something."""
    return route.writes is not None


def has_reason(route: AnyRoute) -> bool:
    """Whether its caller may say why."""
    shapes = [route.query, route.body]
    return any("reason" in getattr(shape, "model_fields", ()) for shape in shapes)


def conditions_of(route: AnyRoute, key: str = "a-key-of-the-test") -> dict[str, str]:
    """The header fields without which the route goes no further."""
    fields = {}
    if route.version is not None:
        fields["If_Match"] = "*"
    if route.replayed is not None:
        fields["Idempotency_Key"] = key
    return fields
