"""What load balancers and service managers ask. Answers everyone, and tells nothing about the sites."""

from flask import Blueprint

from engage_server.services.distribution import Distribution
from engage_server.web import answers


def blueprint(distribution: Distribution) -> Blueprint:
    """The health routes."""
    bp = Blueprint("health", __name__)

    @bp.get("/healthz", provide_automatic_options=False)
    def healthz() -> answers.Answer:
        """This process answers."""
        return answers.ok(b'{"status":"ok"}', answers.JSON)

    @bp.get("/readyz", provide_automatic_options=False)
    def readyz() -> answers.Answer:
        """It has a release to serve."""
        return answers.ok(b'{"status":"ready"}', answers.JSON) if distribution.is_ready else answers.unavailable()

    return bp
