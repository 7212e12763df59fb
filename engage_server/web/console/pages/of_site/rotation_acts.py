"""The forms of a rotation: start it, approve its next step, go back, or end it and keep what is served.

Each is carried out by the API's own route, but for an interrupted preparation. There, the API wants the same request
again, and a browser has no form twice. What makes doors fail TLS is done only if the visitor typed the site's name.
"""

import re
from collections.abc import Mapping
from typing import Any

from engage_server.errors import Conflict, Refused
from engage_server.records import AuditAction
from engage_server.services.access.permissions import Act
from engage_server.web.api.route import Route
from engage_server.web.api.routes import rotations as api
from engage_server.web.console.acting import act_by, assert_unchanged, read_body, route_to, seen_by
from engage_server.web.console.page import Form
from engage_server.web.console.showing.done import after
from engage_server.web.console.uploaded_chain import MOST_BYTES, uploaded_chain
from engage_server.web.console.visit import CONFIRM, Visit

_WHOLE, _DECIMAL = re.compile(r"[0-9]{1,9}", re.ASCII), re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,6})?", re.ASCII)
_LIMITS = (
    ("max_missing", _WHOLE),
    ("max_missing_percent", _DECIMAL),
    ("max_lost", _WHOLE),
    ("max_lost_percent", _DECIMAL),
    ("soak_hours", _DECIMAL),
)


def start(visit: Visit) -> str:
    """Start a rotation with the keys that are on the server."""
    body = {"way": visit.fields.get("way", ""), **_limits(visit), **_passphrase(visit)}
    return _started(visit, body)


def start_with_chains(visit: Visit) -> str:
    """Start a rotation with chains that were built where the authority's keys are."""
    return _started(visit, {"chains": _chains(visit), **_limits(visit)})


def resume(visit: Visit) -> str:
    """Finish the preparation of a rotation, where it was interrupted."""
    rotation = visit.services.rotations.one(visit.site.name, _number(visit))
    assert_unchanged(seen_by(visit), str(visit.version))
    body = {"way": rotation.way.value, **_passphrase(visit)} if rotation.folder else {"chains": _chains(visit)}
    wish = read_body(body, api.RotationStart).wish(visit.open_sent)
    visit.services.site_rotations.resume(rotation.site, rotation.number, wish, visit.because())
    return after(visit, f"/sites/{rotation.site}/rotation", AuditAction.ROTATION_ADVANCED)


def approve(visit: Visit) -> str:
    """Approve the next step."""
    if not visit.fields.get("reason", "").strip():
        raise Refused(
            "a step cannot be approved without a reason", "Say why, and send the form again.", code="reason.missing"
        )
    rotation = visit.services.rotations.one(visit.site.name, _number(visit))
    following = rotation.next_release
    if rotation.state.is_open and following is not None:
        reception = visit.services.held_anchors.reception(rotation.site, following, visit.now)
        if reception.may_fail_somebody:
            visit.assert_typed_site()
    body = {"reason": visit.fields.get("reason", ""), "accept_failing_doors": _is_confirmed(visit)}
    return _done(visit, route_to(api.approve_rotation), body, number=rotation.number)


def abort(visit: Visit) -> str:
    """Go back to the release with which the rotation began."""
    rotation = visit.services.rotations.one(visit.site.name, _number(visit))
    if rotation.state.is_open and rotation.step:
        reception = visit.services.held_anchors.reception(rotation.site, rotation.from_release, visit.now)
        if reception.fails_somebody:  # not where they only may: the way back is as short as it can be
            visit.assert_typed_site()
    return _ended(visit, rotation.number, keep=False)


def keep(visit: Visit) -> str:
    """End the rotation, and go on serving what is served now."""
    return _ended(visit, visit.services.rotations.one(visit.site.name, _number(visit)).number, keep=True)


def _started(visit: Visit, body: Mapping[str, Any]) -> str:
    if visit.fields.get(CONFIRM, "").strip():
        visit.assert_typed_site()
    full = {**body, "reason": visit.fields.get("reason", ""), "accept_failing_doors": _is_confirmed(visit)}
    return _done(visit, route_to(api.start_rotation), full)


def _ended(visit: Visit, number: int, *, keep: bool) -> str:
    body = {"reason": visit.fields.get("reason", ""), "keep": keep}
    return _done(visit, route_to(api.abort_rotation), body, number=number)


def _done(visit: Visit, route: Route[Any, Any, Any], body: Mapping[str, Any], number: int | None = None) -> str:
    path = {} if number is None else {"number": number}
    act_by(route, visit, body, None, **path)
    return after(visit, f"/sites/{visit.site.name}/rotation", route.writes)


def _is_confirmed(visit: Visit) -> bool:
    return visit.fields.get(CONFIRM, "").strip() == visit.site.name


def _limits(visit: Visit) -> dict[str, Any]:
    """The limits of the gate. A text that is no number stays one: the route refuses it by its name."""
    found: dict[str, Any] = {"ask": visit.is_ticked("ask"), "only_listed": visit.is_ticked("only_listed")}
    for name, form in _LIMITS:
        text = visit.fields.get(name, "").strip()
        if text:
            found[name] = _number_of(text, form) if form.fullmatch(text) else text
    return found


def _number_of(text: str, form: re.Pattern[str]) -> float:
    return int(text) if form is _WHOLE else float(text.replace(",", "."))


def _chains(visit: Visit) -> dict[str, Any]:
    titles = ("transition", "next") if visit.uploads("transition") else ("next",)
    return {title: uploaded_chain(visit, title) for title in titles}


def _passphrase(visit: Visit) -> dict[str, str]:
    given = visit.fields.get("passphrase", "")
    return {"passphrase": given} if given else {}


def _number(visit: Visit) -> int:
    """The number of the rotation that the form was shown with."""
    text = visit.fields.get("rotation", "")
    if not _WHOLE.fullmatch(text):
        raise Conflict(
            "the form does not say which rotation is meant, so nothing was done",
            "Open the page again, and send its form.",
            code="rotation.changed",
        )
    return int(text)


FORMS = (
    Form("/sites/{site}/rotation/start", Act.ROTATION_START, start),
    Form("/sites/{site}/rotation/start-with-chains", Act.ROTATION_START, start_with_chains, most_bytes=2 * MOST_BYTES),
    Form("/sites/{site}/rotation/resume", Act.ROTATION_START, resume, most_bytes=2 * MOST_BYTES),
    Form("/sites/{site}/rotation/approve", Act.ROTATION_APPROVE, approve),
    Form("/sites/{site}/rotation/abort", Act.ROTATION_ABORT, abort),
    Form("/sites/{site}/rotation/keep", Act.ROTATION_ABORT, keep),
)
