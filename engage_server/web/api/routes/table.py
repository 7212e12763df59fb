"""The table of routes: all there are."""

from typing import Any

from engage_server.web.api.route import Route
from engage_server.web.api.routes import (
    audit_log,
    chain_check,
    device_files,
    device_names,
    devices,
    installation,
    releases,
    rotations,
    sites,
    status,
    tonight,
    uploads,
)

ROUTES: tuple[Route[Any, Any, Any], ...] = (
    *installation.ROUTES,
    *sites.ROUTES,
    *status.ROUTES,
    *tonight.ROUTES,
    *releases.ROUTES,
    *rotations.ROUTES,
    *devices.ROUTES,
    *device_names.ROUTES,
    *device_files.ROUTES,
    *uploads.ROUTES,
    *chain_check.ROUTES,
    *audit_log.ROUTES,
)
