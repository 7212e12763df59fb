"""The routes that load balancers and service managers ask. They answer any caller, and reveal nothing about sites."""

import json
from collections.abc import Callable

from flask import Blueprint

from engage_server.services.distribution.lookup import Distribution
from engage_server.web import answers

ENDPOINTS = frozenset({"health.healthz", "health.readyz"})


def blueprint(distribution: Distribution, unavailable: Callable[[], answers.Answer] = answers.unavailable) -> Blueprint:
    """Build the health routes.

    Args:
        distribution: Says whether there is a release to serve.
        unavailable: Returns the answer if there is none.
    """
    bp = Blueprint("health", __name__)

    @bp.get("/healthz", provide_automatic_options=False)
    def healthz() -> answers.Answer:
        """Say that this process answers."""
        return answers.ok(b'{"status":"ok"}', answers.JSON)

    @bp.get("/readyz", provide_automatic_options=False)
    def readyz() -> answers.Answer:
        """Say whether there is a release to serve.

        The status is "behind", still with 200, while a newer release cannot be loaded and the last good one is served.
        It is also "behind" while the data folder is gone. To take such a worker out of service would leave devices
        without a server. The "store" is "late" while it is not known whether there is a newer release.
        On the operators' listener, "warnings" has "addresses.shared" while all doors have one address.
        """
        if not distribution.is_ready:
            return unavailable()
        reasons = {error.code for error in distribution.snapshot.kept.values()} | set(distribution.losses)
        state: dict[str, object] = {"status": "ready"}
        if reasons:
            state = {"status": "behind", "reasons": sorted(reasons)}
        if distribution.is_late:
            state["store"] = "late"
        if distribution.warnings:
            state["warnings"] = list(distribution.warnings)
        return answers.ok(json.dumps(state, separators=(",", ":")).encode(), answers.JSON)

    return bp
