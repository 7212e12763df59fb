"""Renders a page in the frame that all pages have: navigation, what was done, what was refused, the command."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from flask import Response, render_template
from markupsafe import Markup

from engage_server.errors import EngageError
from engage_server.services.access.permissions import Act
from engage_server.services.releases.views.contents import left_words
from engage_server.web.console.row_limit import RowLimit
from engage_server.web.console.showing import navigation, words
from engage_server.web.console.showing.done import what_was_done
from engage_server.web.console.showing.forms import Forms
from engage_server.web.console.showing.refusals import LABELS, fix_words, refusal_words
from engage_server.web.console.visit import Visit
from engage_server.web.pages_policy import with_page_fields
from engage_server.web.sign_in.form_tokens import FIELD

_OK = 200
# Unicode's UAX #9: embeddings, overrides, isolates, and marks
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def shown(visit: Visit, token: str, status: int = _OK, content: Mapping[str, Any] = _NOTHING) -> Response:
    """Render a page for a visitor.

    Args:
        visit: The visit.
        token: For the forms of this session.
        status: Of the answer.
        content: What the template gets beyond what the page shows.

    Raises:
        EngageError: The page cannot be shown.
    """
    limit: RowLimit | None = visit.rows
    page = ""
    while limit is not None:
        page = _rendered(replace(visit, rows=limit), token, content)
        limit = limit.smaller(len(page.encode()))
    return _answer(page, status)


def _rendered(visit: Visit, token: str, content: Mapping[str, Any]) -> str:
    if visit.page.forms and visit.page.is_of_site:
        _ = visit.version  # before what the page shows: what is read after it is at least as new
    own = visit.page.show(visit)
    zone = visit.zone_of(visit.site) if visit.page.is_of_site else None
    frame: dict[str, Any] = {
        "visit": visit,
        "forms": Forms(visit),
        "labels": LABELS,
        "page": visit.page,
        "now": visit.now,
        "is_refreshed": visit.page.is_refreshed,
        "main_links": navigation.main_links(visit),
        "site_links": navigation.site_links(visit),
        "site": visit.site if visit.page.is_of_site else None,
        "form_token": (FIELD, token),
        "done": what_was_done(visit),
        "refusal": visit.refusal and refusal_words(visit.refusal, partial(visit.may, Act.SITE_SEE)),
        **of_zone(zone),
    }
    return render_template(f"console/{visit.page.name}.html", **{**frame, **own, **content})


def without_turns(value: Any) -> Any:
    """What a template writes, with marks that turn the direction of text escaped: for whatever it is asked to write.

    Labels refuse such marks. Text of certificates, devices and older databases may have them, and a name that is read
    from the other side is another one.
    """
    if not isinstance(value, str) or not _TURNS.search(value):
        return value
    escaped = _TURNS.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
    return Markup(escaped) if isinstance(value, Markup) else escaped  # noqa: S704  # it was one before


def of_zone(zone: Any) -> dict[str, Any]:
    """The functions by which templates write times of a site, or of no site: then in UTC."""
    if zone is None:
        return {"time": words.local_time, "day": words.local_day, "zone": "UTC", "own_zone": None}
    return {
        "time": partial(words.local_time, zone=zone),
        "day": partial(words.local_day, zone=zone),
        "zone": str(zone),
        "own_zone": zone,
    }


def trouble(error: EngageError, status: int, visitor: str = "") -> Response:
    """Render the page for what cannot be shown at all.

    Args:
        error: Why.
        status: Of the answer.
        visitor: Who is signed in. "" if nobody is.
    """
    sentence, next_step = refusal_words(error)
    page = render_template("console/trouble.html", sentence=sentence, next_step=next_step, visitor=visitor)
    return _answer(page, status)


def _answer(page: str, status: int) -> Response:
    return with_page_fields(Response(page, status, content_type="text/html; charset=utf-8"))


def filters() -> dict[str, Any]:
    """The filters of the templates."""
    return {
        "counted": words.counted,
        "sentence": words.sentence,
        "ago": words.ago,
        "severity": words.severity_word,
        "first_of": words.first_of,
        "fix_of": fix_words,
        "in_zone": words.times_in_zone,
        "left": left_words,
    }
