"""The one Flask app. Both device instances run it; nothing in it knows which of the two it is in."""

from flask import Flask
from werkzeug.exceptions import HTTPException

from engage_server.services.distribution import Distribution
from engage_server.settings import Settings
from engage_server.web import answers, device, health
from engage_server.web.caller import CallerReader


def create_app(distribution: Distribution, settings: Settings) -> Flask:
    """Build the app of a device listener.

    Args:
        distribution: Where the answers come from; may still be empty.
        settings: For the trusted proxies.
    """
    app = Flask(__name__, static_folder=None)
    # devices follow no redirect, so no address may cause one
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    caller = CallerReader(settings.trusted_proxies)
    app.register_blueprint(device.blueprint(distribution, caller))
    app.register_blueprint(health.blueprint(distribution))

    @app.errorhandler(HTTPException)
    def on_http_error(error: HTTPException) -> answers.Answer:
        """Whatever routing refuses is simply not there, methods included; to a foreign network it is closed."""
        if error.code is not None and error.code >= 500:
            return answers.failed()
        return answers.not_found() if caller.is_known_network(distribution) else answers.unauthorized()

    @app.errorhandler(Exception)
    def on_failure(_error: Exception) -> answers.Answer:
        """A defect of ours. The traceback goes to the log, never to the client."""
        app.logger.exception("a request could not be answered")
        return answers.failed()

    return app
