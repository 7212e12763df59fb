"""The Flask app of both device instances. Nothing in it depends on which of the two it runs in."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.exceptions import HTTPException

from engage_server.records import IPNetwork
from engage_server.services.call_in.dispatch import CallIns
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.evidence.sightings import Sightings
from engage_server.web import answers, call_in, device, health
from engage_server.web.caller import RAW_HOST, CallerReader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def create_app(
    distribution: Distribution,
    trusted_proxies: Sequence[IPNetwork] = (),
    sightings: Sightings | None = None,
    call_ins: CallIns | None = None,
) -> Flask:
    """Build the app of a device listener.

    Args:
        distribution: Provides the answers. It may still be empty.
        trusted_proxies: Networks whose ``X-Forwarded-*`` headers are trusted.
        sightings: Records what devices did. None: nothing is recorded.
        call_ins: Answers call-ins. None: their routes do not exist.
    """
    app = Flask(__name__, static_folder=None)
    app.wsgi_app = _exactly_as_sent(app.wsgi_app)  # type: ignore[method-assign,assignment]  # Flask's own way
    # devices follow no redirect, so no address may cause one
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    caller = CallerReader(trusted_proxies)
    app.register_blueprint(device.blueprint(distribution, caller, sightings))
    app.register_blueprint(call_in.static_blueprint(distribution, caller, sightings))
    if call_ins is not None:
        app.register_blueprint(call_in.blueprint(call_ins, caller))
    app.register_blueprint(health.blueprint(distribution))

    @app.errorhandler(HTTPException)
    def on_http_error(error: HTTPException) -> answers.Answer:
        """Answer whatever routing rejects, methods included, as not there; to an unknown network, as unauthorized."""
        if error.code is not None and error.code >= 500:
            return answers.failed()
        return answers.not_found() if caller.is_known_network(distribution) else answers.unauthorized()

    @app.errorhandler(Exception)
    def on_failure(_error: Exception) -> answers.Answer:
        """Handle a defect of ours. The traceback goes to the log, never to the client."""
        app.logger.exception("a request could not be answered")
        return answers.failed()

    return app


def _exactly_as_sent(wsgi_app: "WSGIApplication") -> "WSGIApplication":
    """Undo three conveniences of Werkzeug.

    * It answers 404 to a Host header that it cannot encode. But no route depends on the host, and no header may make
      the server refuse a device.
    * It strips slashes at the beginning of a path. But only the addresses of the URL map exist.
    * It finds no route for a request that asks for a websocket. But a server may ignore an upgrade (RFC 9110 section
      7.8).
    """

    def middleware(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ[RAW_HOST] = environ.get("HTTP_HOST", "")
        environ["HTTP_HOST"] = "host"
        environ.pop("HTTP_UPGRADE", None)
        if environ.get("PATH_INFO", "").startswith("//"):
            environ["PATH_INFO"] = "/"
        return wsgi_app(environ, start_response)

    return middleware
