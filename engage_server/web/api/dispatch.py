"""Carries out a request of the API.

1. The path is read: what cannot exist is 404 for everybody.
2. Who calls, and may they? 401, 403. Nothing about the site was looked up yet.
3. The query and the body are read: 400, 413, 415, 422.
4. A conditional route compares versions: 428, 412.
5. The route acts. With an Idempotency-Key it acts once.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Request, Response, g
from flask import request as current

from engage_server.records import Actor, ActorKind, ActTerms, KeyedRequest, Occasion
from engage_server.services.access.permissions import assert_may, assert_may_somewhere
from engage_server.services.access.requests import keyed_request
from engage_server.web.api.path_parameters import read_path
from engage_server.web.api.requests import conditions, reading
from engage_server.web.api.requests.callers import caller_of
from engage_server.web.api.requests.repeating import FIELD, Repeating, key_in
from engage_server.web.api.route import Answer, Call, Route, Scope
from engage_server.web.api.services import Services
from engage_server.web.surroundings import Surroundings

BASE = "/api/v1"
_NOBODY = Actor("nobody", ActorKind.TOKEN)
_AnyRoute = Route[Any, Any, Any]


class Dispatch:
    """Carries requests out.

    Args:
        surroundings: What they are carried out with.
    """

    def __init__(self, surroundings: Surroundings[Services]) -> None:
        self._with = surroundings
        self._repeating = Repeating()

    def view(self, route: _AnyRoute) -> Callable[..., Response]:
        """The view of a route, for Flask.

        Its call raises EngageError, which the listener answers as a problem.
        """

        def answer(**values: str) -> Response:
            return self._answer(route, current, values)

        answer.__name__, answer.__doc__ = route.name, route.summary
        return answer

    def _answer(self, route: _AnyRoute, request: Request, values: dict[str, str]) -> Response:
        path, now = read_path(values), self._with.now()  # 1
        services = self._with.services()
        actor = self._allowed(route, request, str(path.get("site", "")), services, now)  # 2
        query, body, content = _read(route, request)  # 3
        keyed = _keyed(route, request, actor, content)
        occasion = Occasion(actor.name, now, self._with.boot_clock())
        call = Call(services, actor, occasion, path, query, body, self._with.open_sent)
        if keyed is None:
            return _response(route, request, route.handle(_under_terms(route, request, call, None)))

        def act() -> Answer[Any]:
            return route.handle(_under_terms(route, request, call, keyed))

        requests, replayed = services.access.requests, route.replayed
        assert replayed is not None  # noqa: S101  # a route with a key has it
        answer, is_again = self._repeating.answer(
            keyed, lambda: requests.carried_out(keyed, now), act, lambda entry: replayed(call, entry)
        )
        response = _response(route, request, answer)
        if is_again:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    def _allowed(self, route: _AnyRoute, request: Request, site: str, services: Services, now: datetime) -> Actor:
        if route.scope is Scope.OPEN:
            return _NOBODY
        actor = g.caller = caller_of(request, services.access, self._with.cookie, now)
        if route.scope is Scope.SOMEWHERE:
            assert_may_somewhere(actor, route.act)
        else:
            assert_may(actor, route.act, site if route.scope is Scope.SITE else "")
        return actor


def _read(route: _AnyRoute, request: Request) -> tuple[Any, Any, bytes]:
    query = reading.read_query(request, route.query)
    if route.body is None:
        reading.assert_empty(request)
        return query, None, b""
    content = reading.read_raw(request, route.body_bytes)
    return query, content if route.body is bytes else reading.read_fields(content, route.body), content


def _keyed(route: _AnyRoute, request: Request, actor: Actor, content: bytes) -> KeyedRequest | None:
    if route.replayed is None:
        return None
    key = key_in(request.headers.getlist(FIELD))
    return keyed_request(actor, request.method, request.path, key, request.query_string + b"\n" + content)


def _under_terms(
    route: _AnyRoute, request: Request, call: Call[Any, Any], keyed: KeyedRequest | None
) -> Call[Any, Any]:
    """The call with what must hold in its transaction."""
    seen, number = None, None
    if route.version is not None:  # 4
        version = route.version(call)
        seen = conditions.seen_version(request, str(version))
        number = version if isinstance(version, int) and seen is not None else None
    terms = None if route.writes is None else ActTerms(route.writes, number, keyed)
    return replace(call, seen=seen, occasion=replace(call.occasion, terms=terms))


def _response(route: _AnyRoute, request: Request, answer: Answer[Any]) -> Response:
    if route.answer is None:
        return Response(status=route.status)
    content, fields = answer.content, {}
    if answer.next:
        following = next_page(request, answer.next)
        content = {**content, "next": following, "next_cursor": answer.next}
        fields["Link"] = f'<{following}>; rel="next"'
    if answer.location:
        fields["Location"] = BASE + answer.location
    body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    response = Response(body, route.status, fields, content_type=reading.JSON)
    if answer.version != "":
        tag = conditions.etag(str(answer.version), body)
        response.set_etag(tag)
        if request.method in ("GET", "HEAD") and conditions.is_unchanged(request, tag):
            response.status_code, response.data = 304, b""
    return response


def next_page(request: Request, cursor: str) -> str:
    """The path and query of the next page of a list (RFC 8288 lets a target be relative)."""
    return f"{request.path}?{urlencode({**request.args.to_dict(), 'cursor': cursor})}"
