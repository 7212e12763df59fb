"""The app of one end: finds host and route of a request, and gives the partner's part everything as it was sent.

It is no WSGI app. WSGI makes one name of ``X_A`` and ``X-A``, and so lets one header field pass for the other.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, MapAdapter, Rule

from engage_server.links.ingress.call import Answer, Call, Route
from engage_server.links.ingress.contexts import HostContext
from engage_server.links.ingress.ends import End
from engage_server.links.registry.listeners import HostTable, PlainTable
from engage_server.services.distribution.networks import is_in_networks
from engage_server.serving.worker.answers import wire
from engage_server.serving.worker.answers.app_pool import NO_ROUTE, AppAnswer
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.request_reader import Request
from engage_server.serving.worker.connections.tls_connection import TlsConnection

HEALTH = "/healthz"
_HEALTH_ROUTE = "health.healthz"  # as the metrics of the other listeners have it
_OTHER_BODY_BYTES = 64 * 1024  # of a body that is sent to no route, before it is answered with 404


class IngressApp:
    """Implements :class:`engage_server.serving.worker.answers.app_pool.App`.

    Args:
        end: What listens.
        routes: Of all partners. A host has those whose service its table lists.
        names: The names of all configured hosts, of other ends too.
        clock: Returns the time, aware.
        log: For defects.
    """

    def __init__(
        self,
        end: End,
        routes: Sequence[Route],
        names: Iterable[str],
        clock: Callable[[], datetime],
        log: logging.Logger,
    ) -> None:
        self._plain = end.plain
        self._names = frozenset(names)
        self._clock = clock
        self._log = log
        self._served = {table.table: _adapter(table, routes) for table in end.tables}
        self._limits: dict[str, int] = {}
        for route in routes:
            begin = route.path.partition("<")[0]
            self._limits[begin] = max(self._limits.get(begin, 0), route.max_body)

    def body_limit(self, path: str) -> int:
        """Return the most bytes of a body that are read for a path, which is percent-encoded."""
        return max((most for begin, most in self._limits.items() if path.startswith(begin)), default=_OTHER_BODY_BYTES)

    def answer(self, connection: Connection, request: Request, server: tuple[str, int]) -> AppAnswer:
        """Answer one request. Raises nothing."""
        path = NO_ROUTE
        try:
            path, answer = self._answer(connection, request)
            return _rendered(path, answer, request.method)
        except Exception:  # the traceback goes to the log, never to the caller
            self._log.exception("a call of a partner's system could not be answered")
            return _rendered(path, _error(500), request.method)

    def _answer(self, connection: Connection, request: Request) -> tuple[str, Answer]:
        table, certificate = self._called(connection)
        if table is None or self._names_another(table, request):
            return NO_ROUTE, _error(421 if table is not None else 404)
        path = unquote(request.path)
        if path.startswith("//"):  # Werkzeug would strip slashes at the beginning
            return NO_ROUTE, _error(404)
        if path == HEALTH:
            return _HEALTH_ROUTE, _health(request.method)
        try:
            # Werkzeug's type leaves open what a rule leads to; ours lead to routes
            found, variables = self._served[table.table].match(path, request.method)
            route = cast("Route", found)
        except MethodNotAllowed as error:
            return NO_ROUTE, _not_allowed(error.valid_methods or ())
        except HTTPException:  # also a redirect: no partner follows one
            return NO_ROUTE, _error(404)
        if request.method not in route.methods:  # Werkzeug adds HEAD to GET
            return route.path, _not_allowed(route.methods)
        if len(request.body) > route.max_body:
            return route.path, _error(413)
        return route.path, route.answer(self._call(connection, request, path, table, certificate), variables)

    def _called(self, connection: Connection) -> tuple[HostTable | PlainTable | None, bytes | None]:
        """Return what was called, and the caller's certificate. None for a caller of a network that is not named."""
        if self._plain is not None:
            return (self._plain if is_in_networks(connection.address, self._plain.networks) else None), None
        if not isinstance(connection, TlsConnection):
            raise TypeError("a connection without TLS on a listener with TLS")
        context = cast("HostContext", connection.chosen_context)
        return context.host, connection.client_certificate

    def _names_another(self, table: HostTable | PlainTable, request: Request) -> bool:
        """Whether the Host field names another configured host than TLS chose (RFC 9110 section 7.4)."""
        if not isinstance(table, HostTable):
            return False
        fields = [value for name, value in request.headers if name == "host"]
        named = {_host_name(text) for text in (fields if request.authority is None else [request.authority])}
        return bool((named & self._names) - {table.name})

    def _call(
        self,
        connection: Connection,
        request: Request,
        path: str,
        table: HostTable | PlainTable,
        certificate: bytes | None,
    ) -> Call:
        return Call(
            method=request.method,
            path=path,
            query=request.query,
            fields=request.headers,
            body=request.body,
            address=connection.address,
            host=table.table,
            secure=isinstance(table, HostTable),
            client_certificate=certificate,
            at=self._clock(),
        )


def _adapter(table: HostTable | PlainTable, routes: Sequence[Route]) -> MapAdapter:
    rules = [
        Rule(route.path, endpoint=route, methods=route.methods, merge_slashes=False)
        for route in routes
        if route.service in table.serves
    ]
    url_map = Map(rules, merge_slashes=False, redirect_defaults=False)
    url_map.update()
    return url_map.bind("host")


def _host_name(text: str) -> str:
    """Return the name in a Host field, without port, in the spelling of ``links.toml``."""
    return text.strip().rpartition("@")[2].partition(":")[0].lower().removesuffix(".")


def _health(method: str) -> Answer:
    return Answer(200, b'{"status":"ok"}') if method in ("GET", "HEAD") else _not_allowed(("GET", "HEAD"))


def _error(status: int) -> Answer:
    return Answer(status, f'{{"error":"{_phrase(status).lower()}"}}'.encode())


def _not_allowed(methods: Iterable[str]) -> Answer:
    allowed = ", ".join(sorted(set(methods)))
    return Answer(405, _error(405).body, fields=(("Allow", allowed),))


def _phrase(status: int) -> str:
    """Return the reason phrase. An unknown status has none, but the space in front of it stays (RFC 9112 section 4)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _rendered(route: str, answer: Answer, method: str) -> AppAnswer:
    fields = [("Content-Length", str(len(answer.body))), *answer.fields]
    if answer.status == HTTPStatus.NO_CONTENT:  # must have neither (RFC 9110 sections 8.6 and 15.3.5)
        answer = replace(answer, body=b"")
        fields = [*answer.fields]
    if answer.body:
        fields.insert(0, ("Content-Type", answer.content_type))
    _assert_one_line(fields)
    body = b"" if method == "HEAD" else answer.body
    line = wire.status_line(f"{answer.status} {_phrase(answer.status)}")
    return AppAnswer(route, answer.status, line, wire.fields(fields) + body)


def _assert_one_line(fields: Sequence[tuple[str, str]]) -> None:
    if any(character in text for field in fields for text in field for character in "\r\n\0"):
        raise ValueError("a header field of an answer has a line end")
