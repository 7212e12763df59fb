"""The releases of a site, newest first: what each holds in a line, how to add one, and how to go back."""

from collections.abc import Mapping
from typing import Any

from engage_server.errors import NotFound
from engage_server.records import ReleaseState, RotationWay
from engage_server.services.access.permissions import Act
from engage_server.services.installation.release_acts import ReleaseActs, release_acts
from engage_server.services.releases.views.contents import contents_of
from engage_server.services.rotation.planning.words import renew_command
from engage_server.web.api.routes.releases import roll_back_release, stage_release
from engage_server.web.console.acting import act_by, route_to
from engage_server.web.console.page import Form, Page
from engage_server.web.console.serving_acts import before_serving, overrides_typed, served_as_typed
from engage_server.web.console.showing.done import after
from engage_server.web.console.uploaded_chain import MOST_BYTES, uploaded_chain
from engage_server.web.console.visit import Visit

_PATH = "/sites/{site}/releases"
_AT_ONCE = 25
BACK = "back"  # in a query: the visitor wants to know what it would mean to go back


def show(visit: Visit) -> Mapping[str, Any]:
    """One page of them, with what is served before and after."""
    services, name = visit.services, visit.site.name
    page = services.releases.page(name, visit.query.get("cursor"), visit.at_most(_AT_ONCE))
    acts = release_acts(services.audit, name, page.items)
    advice = services.recent_tonight.look_at(name, visit.now).retirement  # kept: it counts all doors
    current = services.releases.current(name)
    before = services.releases.before(name) if visit.may(Act.RELEASE_ROLL_BACK) else None
    looks = before is not None and (BACK in visit.query or visit.refusal is not None)
    hosts = " ".join(f"--host {host}" for host in visit.site.hosts)
    return {
        "releases": [(contents_of(each), acts.get(each.number, ReleaseActs())) for each in page.items],
        "state_of": state_of,
        "cursor": page.next,
        "current": current,
        "advice": advice.sentence if advice else "",
        "before": before,
        "going_back": before_serving(visit, before, going_back=True) if before is not None and looks else None,
        "build": f"engage chain build certs/{name} {hosts}",
        "renew": renew_command(name, visit.site.hosts, RotationWay.SERVER_RENEWAL, visit.now),
    }


def state_of(contents: Any) -> tuple[str, str]:
    """A state for people, as ``engage release list`` has it, and the kind of its badge."""
    release = contents.release
    if release.state is ReleaseState.RETIRED:
        return ("former", "info") if contents.has_key else ("retired", "low")
    return (release.state.value, "fine" if release.state is ReleaseState.CURRENT else "medium")


def stage(visit: Visit) -> str:
    """A finished chain becomes the next release. Nothing is served by that."""
    body = {**uploaded_chain(visit), "reason": visit.typed("reason")}
    made = act_by(route_to(stage_release), visit, body)
    return after(visit, f"/sites/{visit.site.name}/releases/{made.content['release']}")


def roll_back(visit: Visit) -> str:
    """What was served before is served again. Where doors would refuse it, the site's name is typed.

    Raises:
        NotFound: There is nothing to go back to (``release.nothing_before``).
    """
    before = visit.services.releases.before(visit.site.name)
    if before is None:
        raise NotFound(
            f"site {visit.site.name} has no release to go back to",
            "It needs one that was served before and still has its key.",
            code="release.nothing_before",
        )
    act_by(route_to(roll_back_release), visit, served_as_typed(visit, before) | {"overrides": overrides_typed(visit)})
    return after(visit, f"/sites/{visit.site.name}/releases/{before}")


PAGES = (
    Page(
        "releases",
        _PATH,
        "Releases",
        Act.RELEASE_SEE,
        show,
        forms=(
            Form(_PATH, Act.RELEASE_STAGE, stage, most_bytes=MOST_BYTES),
            Form(f"{_PATH}/rollback", Act.RELEASE_ROLL_BACK, roll_back),
        ),
    ),
)
