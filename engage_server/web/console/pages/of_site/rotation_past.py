"""One rotation of the past: its stages, what happened in it, and how it ended."""

from collections.abc import Mapping
from typing import Any

from engage_server.services.access.permissions import Act
from engage_server.services.installation.act_words import act_words
from engage_server.services.rotation.views.history import entries_of, history_of
from engage_server.services.rotation.views.stages import stages_of
from engage_server.web.console.page import Page
from engage_server.web.console.visit import Visit

_ENTRIES = 50


def show(visit: Visit) -> Mapping[str, Any]:
    """The rotation, and what the audit log says of it, oldest first."""
    rotation = visit.services.rotations.one(visit.site.name, visit.number)
    page = visit.services.audit.page(entries_of(rotation), visit.query.get("cursor") or None, visit.at_most(_ENTRIES))
    return {
        "rotation": rotation,
        "stages": stages_of(rotation),
        "history": [(each, act_words(each.event)) for each in history_of(rotation, reversed(page.items))],
        "cursor": page.next,
        "served_today": visit.services.current_releases().get(rotation.site),
    }


PAGES = (Page("rotation-past", "/sites/{site}/rotations/{number}", "Past rotation", Act.ROTATION_SEE, show),)
