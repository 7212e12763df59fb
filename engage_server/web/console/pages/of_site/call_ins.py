"""Call-ins: how a site answers its doors, what waits on this host, and what the partner's system rejected."""

from collections.abc import Mapping
from typing import Any

from engage_server.errors import NotFound
from engage_server.records import CallInWay, DeviceLabel
from engage_server.services.access.permissions import Act
from engage_server.services.device_files.fault_journal import NO_DEVICE
from engage_server.web.console.page import Form, Page
from engage_server.web.console.showing.done import after
from engage_server.web.console.visit import Visit

_IN_A_PAGE = 50


def show(visit: Visit) -> Mapping[str, Any]:
    """How the site answers, and what waits here."""
    services, site = visit.services, visit.site
    most = visit.at_most(_IN_A_PAGE)
    every_fault = services.call_faults.recent(site.name, visit.now)
    faults = every_fault[-most:]
    refused = services.refused_uploads.page(site.name, visit.query.get("refused-after"), most)
    answers_itself = site.call_in.way is not CallInWay.UPSTREAM
    cursor = visit.query.get("cursor")
    databases = services.waiting.databases(site.name, cursor, most) if answers_itself else None
    devices = {each.device for each in faults} | {each.device for each in refused.items}
    devices |= {each.serial for each in databases.items} if databases else set()
    return {
        "call_in": site.call_in,
        "answers_itself": answers_itself,
        "is_shared": site.call_in.way is CallInWay.SHARED,
        "uploads": services.waiting.uploads(site.name),
        "refused": refused,
        "discarded": next((each for each in refused.items if each.name == _discarded(visit)), None),
        "databases": databases,
        "faults": faults,
        "faults_left_out": len(every_fault) - len(faults),
        "known": {each.device for each in faults if _is_known(visit, each.device)},
        "labels": _labels(visit, devices),
        "no_device": NO_DEVICE,
        "own_path": _own_path(visit),
        "may_try_again": visit.may(Act.UPLOAD_TRY_AGAIN),
        "may_discard": visit.may(Act.UPLOAD_DISCARD),
    }


def try_again(visit: Visit) -> str:
    """Let the partner's system get one rejected upload once more, or all of them."""
    name = visit.typed("upload")
    visit.services.refused_uploads.try_again(visit.site.name, [name] if name else None, visit.because())
    return after(visit, _own_path(visit))


def discard(visit: Visit) -> str:
    """Remove one rejected upload for good."""
    visit.assert_typed_site()
    visit.services.refused_uploads.discard(visit.site.name, visit.typed("upload"), visit.because())
    return after(visit, _own_path(visit))


def _labels(visit: Visit, shown: set[str]) -> Mapping[str, DeviceLabel]:
    """What people call the doors of the page."""
    return visit.services.evidence.labels(visit.site.name, shown) if shown else {}


def _is_known(visit: Visit, device: str) -> bool:
    """Whether a door has a page. A device that is on no list may be all that a fault knows."""
    try:
        visit.services.evidence.at_site(visit.site.name, device, visit.now)
    except NotFound:
        return False
    return True


def _discarded(visit: Visit) -> str:
    """The upload that somebody is about to discard."""
    return visit.query.get("discard") or (visit.typed("upload") if "confirm" in visit.fields else "")


def _own_path(visit: Visit) -> str:
    return f"/sites/{visit.site.name}/call-ins"


PAGES = (
    Page(
        "call-ins",
        "/sites/{site}/call-ins",
        "Call-ins",
        Act.DEVICE_FILES_SEE,
        show,
        forms=(
            Form("/sites/{site}/call-ins/try-again", Act.UPLOAD_TRY_AGAIN, try_again),
            Form("/sites/{site}/call-ins/discard", Act.UPLOAD_DISCARD, discard),
        ),
    ),
)
