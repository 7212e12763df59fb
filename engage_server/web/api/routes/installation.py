"""Who the caller is, and the document of this API."""

from functools import cache
from typing import Any

from engage_server.as_json.access import GrantJson, grant_json
from engage_server.records import ActorKind
from engage_server.services.access.permissions import PERMISSIONS, Act, may
from engage_server.web.api.route import Answer, Call, NoQuery, Route, Scope


class CallerJson(GrantJson):
    """Who the caller is, and what they may do."""

    name: str
    """As the audit log has it."""
    kind: ActorKind
    """Whether a token or a person calls."""
    acts: list[str]
    """What the caller may do at each of their sites, as `thing:what`."""


def get_caller(call: Call[NoQuery, None]) -> Answer[CallerJson]:
    """Say who calls."""
    grant = call.actor.grant
    assert grant is not None  # noqa: S101  # whoever comes by HTTP has one
    where = "" if grant.sites is None else next(iter(sorted(grant.sites)), "")
    acts = [act.value for act in PERMISSIONS if may(call.actor, act, where)]
    return Answer({**grant_json(grant), "name": call.actor.name, "kind": call.actor.kind, "acts": acts})


def get_openapi(_call: Call[NoQuery, None]) -> Answer[dict[str, Any]]:
    """Return the document of this API."""
    return Answer(_document())


@cache
def _document() -> dict[str, Any]:
    from engage_server.web.api.document.openapi import document  # the table holds this route, too
    from engage_server.web.api.routes.table import ROUTES

    return document(ROUTES)


ROUTES = (
    Route(
        method="GET",
        path="/openapi.json",
        act=Act.STATUS_SEE,
        summary="This document",
        handle=get_openapi,
        answer=dict[str, Any],
        scope=Scope.OPEN,
        tag="installation",
    ),
    Route(
        method="GET",
        path="/caller",
        act=Act.STATUS_SEE,
        summary="Who you are, and what you may do",
        handle=get_caller,
        answer=CallerJson,
        scope=Scope.SOMEWHERE,
        tag="installation",
    ),
)
