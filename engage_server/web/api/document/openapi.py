"""The OpenAPI 3.1 document as a whole."""

from collections.abc import Sequence
from typing import Any

from engage_server.web.api.document.names import with_plain_names
from engage_server.web.api.document.operations import operation
from engage_server.web.api.document.schemas import Schemas
from engage_server.web.api.route import Route

_TITLE = "engage-server"
_ABOUT = """Sites, releases, rotations and devices of an engage-server installation.

Every request but the one for this document needs a token: `Authorization: Bearer TOKEN`. Make one with
`engage token add NAME --role ROLE`. Every problem has the form of RFC 9457, a stable `code` and a `next_step`.
"""
TAGS = {
    "installation": "What this installation is doing, and who you are to it.",
    "sites": "Sites: the devices that share a site key and a host.",
    "releases": "Releases: what a site serves, as one unit.",
    "rotations": "Rotations: one chain replaced by another, step by step.",
    "devices": "Devices: what is known about them, and their files.",
    "chains": "Checks of chains that are sent along.",
    "audit log": "What operators did.",
}
_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of `engage token add`."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "engage",
        "description": "The session of a person who signed in. Over TLS the cookie is called `__Host-engage`.",
    },
}


def document(routes: Sequence[Route[Any, Any, Any]]) -> dict[str, Any]:
    """Make the document of a table."""
    schemas = Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, schemas)
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": _TITLE,
            "version": "1",
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api/v1"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {"schemas": schemas.definitions, "securitySchemes": _SECURITY},
    }
    return with_plain_names(made)
