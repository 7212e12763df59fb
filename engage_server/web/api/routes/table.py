"""The table of routes: all there are."""

from typing import Any

from engage_server.web.api.route import Route
from engage_server.web.api.routes import (
    audit_log,
    chain_check,
    installation,
    releases,
    rotations,
    sites,
    status,
)

ROUTES: tuple[Route[Any, Any, Any], ...] = (
    *installation.ROUTES,
    *status.ROUTES,
    *sites.ROUTES,
    *releases.ROUTES,
    *rotations.ROUTES,
    *chain_check.ROUTES,
    *audit_log.ROUTES,
)
