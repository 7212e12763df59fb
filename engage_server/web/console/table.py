"""The table of pages: all there are."""

from collections.abc import Iterable

from engage_server.web.console.page import Page
from engage_server.web.console.pages import (
    about,
    account,
    audit_log,
    check,
    find_doors,
    people,
    tokens,
    tonight,
    walk_list,
)
from engage_server.web.console.pages.of_site import (
    call_ins,
    door,
    doors,
    release,
    release_comparison,
    releases,
    rotation,
    rotation_past,
    site,
)

PAGES: tuple[Page, ...] = (
    *tonight.PAGES,
    *walk_list.PAGES,
    *find_doors.PAGES,
    *site.PAGES,
    *releases.PAGES,
    *release_comparison.PAGES,
    *release.PAGES,
    *doors.PAGES,
    *door.PAGES,
    *call_ins.PAGES,
    *audit_log.PAGES,
    *rotation.PAGES,
    *rotation_past.PAGES,
    *check.PAGES,
    *people.PAGES,
    *tokens.PAGES,
    *about.PAGES,
    *account.PAGES,
)


def bodies_of_forms(pages: Iterable[Page]) -> list[tuple[str, int]]:
    """The paths of the forms, and the most bytes that each may have."""
    return [(form.path, form.most_bytes) for page in pages for form in page.forms]
