"""Carries out what a form asks for by a route of the API: the same body, the same refusals, the same audit entry.

A form carries the version of the site that its page showed. The act's transaction compares it, so nobody changes what
they have not seen, and a form that is sent twice acts once.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engage_server.errors import BodyInvalid, Conflict
from engage_server.records import ActTerms, AuditAction, Occasion
from engage_server.services.access.permissions import assert_may, assert_may_somewhere
from engage_server.web.api.requests import reading
from engage_server.web.api.route import Call, NoQuery, Query, Route, Scope
from engage_server.web.api.routes.table import ROUTES
from engage_server.web.console.showing.refusals import label_of
from engage_server.web.console.visit import Visit

VERSION = "version"


def act_by(
    route: Route[Any, Any, Any],
    visit: Visit,
    body: Mapping[str, Any] | None = None,
    query: Query | None = None,
    **path: str | int,
) -> Any:
    """Carry out a route for a visitor.

    Args:
        route: What is done.
        visit: Who asks, and the form that they sent.
        body: What the route's body holds, as JSON has it. None for a route without one.
        query: For a route that reads one.
        path: Parameters of the route's path that the page's path does not have, such as ``serial``.

    Returns:
        What the route answers.

    Raises:
        EngageError: It is refused.
    """
    values = {**visit.path, **path}
    _assert_may(visit, route, str(values.get("site", "")))
    read = read_body(body, route.body) if route.body is not None else None
    call = Call(
        visit.services, visit.actor, visit.occasion, values, query or NoQuery(), read, visit.open_sent, seen_by(visit)
    )
    return route.handle(replace(call, occasion=replace(call.occasion, terms=_terms(route, visit, call))))


def _assert_may(visit: Visit, route: Route[Any, Any, Any], site: str) -> None:
    """The same question that the API asks for this route."""
    if route.scope is Scope.SOMEWHERE:
        assert_may_somewhere(visit.actor, route.act)
    else:
        assert_may(visit.actor, route.act, "" if route.scope is Scope.EVERYWHERE else site)


def route_to(handle: Callable[..., Any]) -> Route[Any, Any, Any]:
    """The route of the API that a function handles."""
    return next(route for route in ROUTES if route.handle is handle)


def occasion_of(visit: Visit, action: AuditAction) -> Occasion:
    """The occasion of an act for which the API has no route: with its reason, and only if the site has not changed.

    Args:
        visit: Who asks, and the form that they sent. It carries the version of the site.
        action: What the act writes into the audit log.

    Raises:
        Conflict: The site has changed since its page was made (``precondition.failed``).
        UsageError: The reason cannot be used.
    """
    assert_unchanged(seen_by(visit), str(visit.version))
    return replace(visit.because(), terms=ActTerms(action, visit.version))


def version_of(route: Route[Any, Any, Any], visit: Visit, **path: str | int) -> str:
    """What a form of a route carries as its version: that of what the page shows, as a request would have to send it.

    Args:
        route: What the form asks for. "" is returned for one without a version.
        visit: Who looks at the page.
        path: As for :func:`act_by`.

    Raises:
        EngageError: There is no such thing.
    """
    if route.version is None:
        return ""
    call: Call[Any, Any] = Call(
        visit.services, visit.actor, visit.occasion, {**visit.path, **path}, NoQuery(), None, visit.open_sent
    )
    return str(route.version(call))


def _terms(route: Route[Any, Any, Any], visit: Visit, call: Call[Any, Any]) -> ActTerms | None:
    seen = seen_by(visit)
    found = route.version(call) if route.version is not None else None
    if found is None and seen is not None:  # a route for what is new: the API lets it be repeated, a form acts once
        found = visit.version
    if found is not None:
        assert_unchanged(seen, str(found))
    if route.writes is None:
        return None
    return ActTerms(route.writes, found if isinstance(found, int) else None)


def read_body(body: Mapping[str, Any] | None, shape: Any) -> Any:
    """What a form asks for, in the shape of a body of the API.

    Raises:
        BodyInvalid: A field is missing, or cannot be used (``request.invalid``).
    """
    try:
        return reading.read_fields(json.dumps(body).encode(), shape)
    except reading.FieldsInvalid as error:
        said = [f"{label_of(where)} {what}" for where, what in error.faults]
        raise BodyInvalid(said[0], "Correct it, and send the form again.", code=error.code, rows=said[1:]) from None


def seen_by(visit: Visit) -> str | None:
    """The version that the sender of a form has seen. None if its page shows none."""
    return visit.fields.get(VERSION)


def assert_unchanged(seen: str | None, found: str) -> None:
    """Refuse to change what has changed since its page was made.

    Raises:
        Conflict: It is another version (``precondition.failed``).
    """
    if seen != found:
        raise Conflict(
            "this has changed since you opened the page, so nothing was done",
            "Look at it as it is now. If the change is still right, send the form again.",
            code="precondition.failed",
        )
