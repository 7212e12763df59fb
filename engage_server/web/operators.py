"""The operators' listener, which monitoring asks. Its routes are never on a device's port."""

from collections.abc import Callable, Sequence

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from engage_server.services.distribution.lookup import Distribution
from engage_server.services.installation.checkup import PROCESS_HEADER
from engage_server.web import answers, health

PROMETHEUS_TEXT = "; ".join(("text/plain", "version=0.0.4", "charset=utf-8"))


def create_operators_app(
    distribution: Distribution, exposition: Callable[[], bytes], process: int, pages: Sequence[Blueprint] = ()
) -> Flask:
    """Build the app of the operators' listener.

    Args:
        distribution: For the health routes.
        exposition: Returns the metrics, in Prometheus' text format.
        process: The number of this process, which each answer names.
        pages: What people see, such as the pages on which they sign in.
    """
    app = Flask(__name__, static_folder=None)
    for each in pages:
        app.register_blueprint(each)
    app.register_blueprint(health.blueprint(distribution))

    @app.get("/metrics", provide_automatic_options=False)
    def metrics() -> answers.Answer:
        """Return all metrics of this host."""
        return answers.ok(exposition(), PROMETHEUS_TEXT)

    @app.after_request
    def name_process(answer: Response) -> Response:
        """Name the process that answers."""
        answer.headers[PROCESS_HEADER] = str(process)
        return answer

    @app.errorhandler(HTTPException)
    def on_http_error(error: HTTPException) -> answers.Answer:
        """Answer an address that is not in the URL map as not there."""
        return answers.failed() if error.code is not None and error.code >= 500 else answers.not_found()

    @app.errorhandler(Exception)
    def on_failure(_error: Exception) -> answers.Answer:
        """Handle a defect of ours. The traceback goes to the log, never to the client."""
        app.logger.exception("a request could not be answered")
        return answers.failed()

    return app
