"""Two releases side by side: what changes, and which doors would accept the second."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engage_server.errors import UsageError
from engage_server.services.access.permissions import Act
from engage_server.services.releases.views.comparison import compared
from engage_server.web.console.page import Page
from engage_server.web.console.showing.chain_picture import chain_picture
from engage_server.web.console.visit import Visit

_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_OFFERED = 50


def show(visit: Visit) -> Mapping[str, Any]:
    """The comparison. Without two numbers, what is served is compared with what was served before it.

    Raises:
        NotFound: There is no such release.
        UsageError: What stands in the address is no number (``release.number``).
    """
    services, name = visit.services, visit.site.name
    offered = [each.number for each in services.releases.page(name, None, _OFFERED).items]
    usual_first, usual_second = _usual(visit, offered)
    first, second = _number(visit, "first") or usual_first, _number(visit, "second") or usual_second
    chosen = {"offered": offered, "first": first, "second": second, "found": None}
    if first is None or second is None:
        return chosen
    found = compared(services.releases, services.held_anchors, name, (first, second), visit.now)
    return {
        **chosen,
        "found": found,
        "first_bytes": chain_picture(found.first, "first-bytes"),
        "second_bytes": chain_picture(found.second, "second-bytes"),
    }


def _usual(visit: Visit, offered: Sequence[int]) -> tuple[int | None, int | None]:
    """The release before the served one, and the served one. If it is the first, it and the next one."""
    served = visit.services.releases.current(visit.site.name) or next(iter(offered), None)
    if served is None:
        return None, None
    before = visit.services.releases.before(visit.site.name) or next((each for each in offered if each < served), None)
    if before is not None:
        return before, served
    return served, next((each for each in reversed(offered) if each > served), None)


def _number(visit: Visit, name: str) -> int | None:
    text = visit.query.get(name, "")
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise UsageError(
            f"{text[:40]!r} is not the number of a release", "Choose two releases of the list.", code="release.number"
        )
    return int(text)


PAGES = (Page("release-comparison", "/sites/{site}/releases/compare", "Compare releases", Act.RELEASE_SEE, show),)
