"""The table of routes: all there are."""

from typing import Any

from engage_server.web.api.route import Route
from engage_server.web.api.routes import installation, releases, rotations, sites

ROUTES: tuple[Route[Any, Any, Any], ...] = (*installation.ROUTES, *sites.ROUTES, *releases.ROUTES, *rotations.ROUTES)
