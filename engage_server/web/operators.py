"""The operators' listener, which monitoring asks. Its routes are never on a device's port."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from engage_server.errors import EngageError
from engage_server.protocol.forwarded_for import hops_of
from engage_server.records import Host
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.installation.checkup import PROCESS_HEADER
from engage_server.web import answers, browser_guard, health, problems
from engage_server.web.secret_addresses import holds_token

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PROMETHEUS_TEXT = "; ".join(("text/plain", "version=0.0.4", "charset=utf-8"))
_BEARER = "bearer "


def create_operators_app(
    distribution: Distribution,
    exposition: Callable[[], bytes],
    hosts: Collection[Host],
    *,
    process: int,
    secure: bool,
    behind_proxy: bool = False,
    assert_may_see_metrics: Callable[[str], None],
    pages: Sequence[Blueprint] = (),
) -> Flask:
    """Build the app of the operators' listener.

    Args:
        distribution: For the health routes.
        exposition: Returns the metrics, in Prometheus' text format.
        hosts: The hosts under which operators call it. Any other host is refused.
        process: The number of this process, which each answer names.
        secure: Whether browsers use HTTPS, be it to a proxy.
        behind_proxy: Whether all requests come through a proxy. Then the caller is the one that the proxy names.
        assert_may_see_metrics: Called with the token of a request, "" if it has none. Raises Refused.
        pages: What people see, such as the pages on which they sign in.
    """
    app = Flask(__name__, static_folder=None)
    # a redirect would repeat the host that the client sent
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    if behind_proxy:
        app.wsgi_app = _called_through_proxy(app.wsgi_app)  # type: ignore[method-assign,assignment]  # Flask's own way
    browser_guard.guard(app, hosts, secure=secure)
    app.before_request(_refuse_tokens_in_addresses)
    for each in pages:
        app.register_blueprint(each)
    app.register_blueprint(health.blueprint(distribution, _nothing_to_serve))

    @app.get("/metrics", provide_automatic_options=False)
    def metrics() -> answers.Answer:
        """Return all metrics of this host."""
        assert_may_see_metrics(bearer_token())
        return answers.ok(exposition(), PROMETHEUS_TEXT)

    @app.after_request
    def name_process(answer: Response) -> Response:
        """Name the process that answers."""
        answer.headers[PROCESS_HEADER] = str(process)
        return answer

    @app.errorhandler(HTTPException)
    def on_http_error(error: HTTPException) -> Response:
        """Answer what routing refuses."""
        return problems.of_http_error(error)

    @app.errorhandler(EngageError)
    def on_error(error: EngageError) -> Response:
        """Answer what a service refuses."""
        return problems.of_error(error)

    @app.errorhandler(Exception)
    def on_failure(_error: Exception) -> Response:
        """Handle a defect of ours. The traceback goes to the log, never to the client."""
        app.logger.exception("a request could not be answered")
        return problems.of_status(500)

    return app


def _called_through_proxy(wsgi_app: "WSGIApplication") -> "WSGIApplication":
    """Take the address that the proxy saw as the caller's: the last one, because callers can write those before it."""

    def middleware(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        named = next(iter(hops_of(environ.get("HTTP_X_FORWARDED_FOR", ""))), "")
        if named:
            environ["REMOTE_ADDR"] = named
        return wsgi_app(environ, start_response)

    return middleware


def _refuse_tokens_in_addresses() -> Response | None:
    """Refuse a token in an address, whatever else comes with it: a caller that got its answer would send it again."""
    query = request.query_string.decode("latin-1")
    if not any(map(holds_token, (request.path, query))):
        return None
    return problems.problem(
        400,
        "token.in_query",
        "a token in an address may be in logs now, so it is not accepted there",
        "Revoke it, and send another one in the field Authorization.",
    )


def bearer_token() -> str:
    """Return the token of the current request's Authorization field (RFC 6750 section 2.1). "" if there is none."""
    field: str = request.headers.get("Authorization", "")
    return field[len(_BEARER) :].strip() if field.lower().startswith(_BEARER) else ""


def _nothing_to_serve() -> Response:
    return problems.problem(
        503,
        "release.none_current",
        "no release is current, so there is nothing to serve",
        "Activate one: engage release activate N --site NAME.",
    )
