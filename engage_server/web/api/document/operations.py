"""One operation of the OpenAPI document: a route as its callers see it."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from engage_server.services.access.permissions import PERMISSIONS
from engage_server.web.api import problem_codes
from engage_server.web.api.document.schemas import Schemas
from engage_server.web.api.path_parameters import PATH_PARAMETERS, names_in
from engage_server.web.api.problem_codes import PROBLEM_CODES, ProblemJson
from engage_server.web.api.requests.reading import JSON
from engage_server.web.api.requests.repeating import FIELD
from engage_server.web.api.route import Route, Scope
from engage_server.web.problems import PROBLEM

_AnyRoute = Route[Any, Any, Any]

_TEXT = {"type": "string"}
_ETAG = {"ETag": {"required": True, "description": "What If-Match needs.", "schema": _TEXT}}
_LOCATION = {"Location": {"required": True, "description": "The path of what was made.", "schema": _TEXT}}
_NEXT = {"Link": {"description": 'The next page, with rel="next". Missing on the last page.', "schema": _TEXT}}
_AGAIN = {
    "Idempotent-Replayed": {
        "description": "`true` if this very request was carried out before. Missing otherwise.",
        "schema": _TEXT,
    }
}
_FIELDS_OF_PROBLEMS = {
    401: {"WWW-Authenticate": {"required": True, "description": "It begins with `Bearer`.", "schema": _TEXT}},
    503: {"Retry-After": {"required": True, "description": "After how many seconds to ask again.", "schema": _TEXT}},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what you have seen. A change without it is refused. `*` accepts any.",
    "schema": {"type": "string", "examples": ["*"]},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "`*` for what does not exist yet. Send it in place of If-Match.",
    "schema": {"type": "string", "enum": ["*"]},
}
_KEY = {
    "name": FIELD,
    "in": "header",
    "required": True,
    "description": "A value that you never used before, such as a UUID. Send the same one again after a lost answer: "
    "the effect happens once. It is kept for 24 hours.",
    "schema": {"type": "string", "minLength": 8, "maxLength": 128, "pattern": "^[!-~]+$"},
}


def operation(route: _AnyRoute, schemas: Schemas) -> dict[str, Any]:
    """Make the operation."""
    made: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": _description(route),
        "tags": [route.tag],
        "parameters": [*_path(route), *schemas.of_query(route.query), *_fields(route)],
        "responses": {str(route.status): _answer(route, schemas), **_problems(route, schemas)},
    }
    if route.body is not None:
        made["requestBody"] = {"required": True, "content": {JSON: _content(route, schemas)}}
    if route.scope is Scope.OPEN:
        made["security"] = []
    return made


def codes_of(route: _AnyRoute) -> list[str]:
    """The codes of all problems that a caller of a route should expect."""
    codes = [*problem_codes.OF_EVERY_ROUTE]
    if route.scope is not Scope.OPEN:
        codes += problem_codes.OF_CALLERS
        codes += ["access.site"] if route.scope is not Scope.SOMEWHERE else []
        codes += ["access.people_only"] if PERMISSIONS[route.act].people_only else []
    if route.method != "GET":
        codes += ["access.origin"]
    if names_in(route.path):
        codes += ["address.not_found"]
    if "site" in names_in(route.path):
        codes += ["site.not_found"]
    codes += problem_codes.OF_BODIES if route.body is not None else ["request.body"]
    codes += problem_codes.OF_REASONS if route.writes is not None else ()
    codes += problem_codes.OF_CHANGES if route.version is not None else ()
    codes += problem_codes.OF_KEYS if route.replayed is not None else ()
    return [*dict.fromkeys((*codes, *route.problems))]


def needed_role(route: _AnyRoute) -> str:
    """Who may call a route, as a sentence."""
    if route.scope is Scope.OPEN:
        return "Anyone who reaches the listener may call it."
    role = PERMISSIONS[route.act].role
    where = {Scope.SITE: "at the site", Scope.EVERYWHERE: "at all sites", Scope.SOMEWHERE: "at any site"}[route.scope]
    people = " It is for people who signed in: no token may do it." if PERMISSIONS[route.act].people_only else ""
    return f"Needs the role {role} {where}.{people}"


def _description(route: _AnyRoute) -> str:
    return "\n\n".join(part for part in (route.description, needed_role(route)) if part)


def _path(route: _AnyRoute) -> Iterable[dict[str, Any]]:
    for name in names_in(route.path):
        each = PATH_PARAMETERS[name]
        yield {"name": name, "in": "path", "required": True, "description": each.description, "schema": each.schema}


def _fields(route: _AnyRoute) -> Iterable[dict[str, Any]]:
    if route.version is not None:
        is_new = route.method == "PUT"  # what a PUT makes may not exist yet, and then has no ETag
        yield {**_IF_MATCH, "required": not is_new}
        if is_new:
            yield _IF_NONE_MATCH
    if route.replayed is not None:
        yield _KEY


def _content(route: _AnyRoute, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"type": "object"} if route.body is bytes else schemas.of(route.body)}
    if route.body_example is not None:
        content["example"] = route.body_example
    return content


def _answer(route: _AnyRoute, schemas: Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {"description": "Done." if route.answer is None else route.summary}
    if route.answer is not None:
        made["content"] = {JSON: {"schema": schemas.of(route.answer)}}
    if fields := dict(_fields_of(route)):
        made["headers"] = fields
    links = {**_next_page(route), **route.links}
    if links:
        made["links"] = {
            name: {"operationId": name, "parameters": dict(parameters)} for name, parameters in links.items()
        }
    return made


def _next_page(route: _AnyRoute) -> dict[str, Mapping[str, str]]:
    """A list leads to its next page."""
    if "cursor" not in route.query.model_fields:
        return {}
    same = {name: f"$request.path.{name}" for name in names_in(route.path)}
    return {route.name: {**same, "cursor": "$response.body#/next_cursor"}}


def _fields_of(route: _AnyRoute) -> Iterable[tuple[str, dict[str, Any]]]:
    """The header fields of the answer."""
    if route.has_etag:
        yield from _ETAG.items()
    if route.status == HTTPStatus.CREATED:
        yield from _LOCATION.items()
    if "cursor" in route.query.model_fields:
        yield from _NEXT.items()
    if route.replayed is not None:
        yield from _AGAIN.items()


def _problems(route: _AnyRoute, schemas: Schemas) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in codes_of(route):
        status, meaning = PROBLEM_CODES[code]
        by_status.setdefault(status, []).append(f"- `{code}`: {meaning}")
    content = {PROBLEM: {"schema": schemas.of(ProblemJson)}}
    made: dict[str, Any] = {}
    for status, said in sorted(by_status.items()):
        made[str(status)] = {"description": "\n".join(said), "content": content}
        if status in _FIELDS_OF_PROBLEMS:
            made[str(status)]["headers"] = _FIELDS_OF_PROBLEMS[status]
    return {**made, "default": {"description": "Any other problem, in the same form.", "content": content}}
