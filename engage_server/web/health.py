"""What load balancers and service managers ask. Answers everyone, and tells nothing about the sites."""

import json

from flask import Blueprint

from engage_server.services.distribution.lookup import Distribution
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
        """It has a release to serve.

        Still so, but "behind", while a newer one cannot be loaded and the last good one is served, or while the folder
        of data is gone: to take such a worker out would leave devices with nobody. And still so, with "store" "late",
        while it cannot be seen whether there is a newer one.
        """
        if not distribution.is_ready:
            return answers.unavailable()
        reasons = {error.code for error in distribution.snapshot.kept.values()} | set(distribution.losses)
        state: dict[str, object] = {"status": "ready"}
        if reasons:
            state = {"status": "behind", "reasons": sorted(reasons)}
        if distribution.is_late:
            state["store"] = "late"
        return answers.ok(json.dumps(state, separators=(",", ":")).encode(), answers.JSON)

    return bp
