"""The OpenAPI document as this version writes it, made once in a process: that takes more than a second."""

from functools import cache
from typing import Any

from engage_server.web.api.document.openapi import document
from engage_server.web.api.routes.table import ROUTES


@cache
def todays_document() -> dict[str, Any]:
    """The same object each time: who wants to change something takes a copy."""
    return document(ROUTES)
