"""One release: what it holds, who came through with it, and what may be done with it."""

from collections.abc import Mapping
from typing import Any

from engage_server.records import Grade, ReleaseState
from engage_server.services.access.permissions import Act
from engage_server.services.installation.release_acts import release_acts
from engage_server.services.releases.views.contents import contents_of
from engage_server.web.api.bodies.reasons import ReasonQuery
from engage_server.web.api.routes.releases import activate_release, drop_release, retire_release
from engage_server.web.console.acting import act_by, route_to
from engage_server.web.console.page import Form, Page
from engage_server.web.console.pages.of_site.releases import state_of
from engage_server.web.console.serving_acts import before_serving, by_code, overrides_typed, served_as_typed
from engage_server.web.console.showing.chain_picture import chain_picture
from engage_server.web.console.showing.done import after
from engage_server.web.console.visit import Visit

_PATH = "/sites/{site}/releases/{number}"
_BADGES = {"error": "high", "warning": "medium", "note": "low"}
_GRADES = {
    Grade.AUTHENTICATED: "finished TLS with their token",
    Grade.HANDSHAKE: "finished TLS",
    Grade.CERTIFICATE: "downloaded the anchor",
    Grade.NOTICE: "asked for the notice",
    Grade.NEVER_SEEN: "never seen with it",
}
_REFUSED = "refused it: they did not accept its certificate"


def show(visit: Visit) -> Mapping[str, Any]:
    """What ``engage release show`` says, and what each act would do."""
    services, name, number = visit.services, visit.site.name, visit.number
    checked = services.releases.check(name, number, visit.occasion)
    release, contents = checked.release, contents_of(checked.release)
    is_current = release.state is ReleaseState.CURRENT
    is_former = release.state is ReleaseState.RETIRED and contents.has_key
    may_serve = contents.has_key and not is_current and visit.may(Act.RELEASE_ACTIVATE)
    return {
        "release": release,
        "contents": contents,
        "state": state_of(contents),
        "acts": release_acts(services.audit, name, [release])[number],
        "findings": checked.findings,
        "errors": by_code(checked.errors) if contents.has_key and not is_current else [],
        "badges": _BADGES,
        "bytes": chain_picture(contents),
        "grades": _grades(visit),
        "is_current": is_current,
        "before": before_serving(visit, number) if may_serve else None,
        "advice": services.held_anchors.advice_on(name, [number], visit.now).sentence if is_former else "",
        "sharing": services.releases.sharing_key(release) if is_former and visit.may(Act.RELEASE_RETIRE) else [],
        "current": services.releases.current(name),
    }


def _grades(visit: Visit) -> list[tuple[str, int]]:
    """How far the doors came with the release. Those that refused it are apart from those that it never saw."""
    services, site, number = visit.services, visit.site.name, visit.number
    grades, refusers = services.evidence.grades(site, number), services.held_anchors.refusers(site, number)
    counts = [(words, grades.get(grade, 0) - refusers.get(grade, 0)) for grade, words in _GRADES.items()]
    return [each for each in (*counts, (_REFUSED, sum(refusers.values()))) if each[1] > 0]


def activate(visit: Visit) -> str:
    """It is served from now on. Where doors would refuse it, the site's name is typed."""
    body = served_as_typed(visit, visit.number) | {"overrides": overrides_typed(visit)}
    act_by(route_to(activate_release), visit, body)
    return after(visit, _here(visit))


def retire(visit: Visit) -> str:
    """Its private key is destroyed. The number of the release is typed, because nothing brings the key back."""
    visit.assert_typed(str(visit.number), "the number of the release")
    act_by(route_to(retire_release), visit, {"reason": visit.typed("reason")})
    return after(visit, _here(visit))


def drop(visit: Visit) -> str:
    """It is removed: no device knows it."""
    visit.assert_typed(str(visit.number), "the number of the release")
    act_by(route_to(drop_release), visit, query=ReasonQuery(reason=visit.because().reason))
    return after(visit, f"/sites/{visit.site.name}/releases")


def _here(visit: Visit) -> str:
    return f"/sites/{visit.site.name}/releases/{visit.number}"


PAGES = (
    Page(
        "release",
        _PATH,
        "Release",
        Act.RELEASE_SEE,
        show,
        forms=(
            Form(f"{_PATH}/activate", Act.RELEASE_ACTIVATE, activate),
            Form(f"{_PATH}/retire", Act.RELEASE_RETIRE, retire),
            Form(f"{_PATH}/drop", Act.RELEASE_DROP, drop),
        ),
    ),
)
