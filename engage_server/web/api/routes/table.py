"""The table of routes: all there are."""

from typing import Any

from engage_server.web.api.route import Route
from engage_server.web.api.routes import device_files, devices, installation, releases, sites, uploads

ROUTES: tuple[Route[Any, Any, Any], ...] = (
    *installation.ROUTES,
    *sites.ROUTES,
    *releases.ROUTES,
    *devices.ROUTES,
    *device_files.ROUTES,
    *uploads.ROUTES,
)
