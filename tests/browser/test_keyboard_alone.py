"""Somebody with a keyboard alone signs in, finds a door, opens it, and approves a step of a rotation."""

from typing import Any

import pytest

from tests.support.browser import needs_browser
from tests.support.browsing.furnished import PASSWORD, Running, link
from tests.support.browsing.looks import PLAIN, looking
from tests.support.rotating import progress_of

SITE = "demo-clinic"  # with an open rotation, which waits for a person
_FAR = 150

pytestmark = [pytest.mark.long("the keyboard's part of tests/browser/test_pages.py, page by page"), *needs_browser]


def press_to(page: Any, what: str) -> None:
    """Press Tab until the focus is on what is called so."""
    for _ in range(_FAR):
        page.keyboard.press("Tab")
        if page.evaluate(_NAME).startswith(what):
            return
    raise AssertionError(f"the focus does not come to {what!r} on {page.url}")


_NAME = """(() => {
    const at = document.activeElement;
    return (at.labels?.length ? at.labels[0].innerText : at.innerText || "").trim();
})()"""


def go(page: Any, what: str) -> None:
    """Come to a link or a button, and press it."""
    press_to(page, what)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_from_signing_in_to_approving(browser: Any, for_acts: Running) -> None:
    folder = for_acts.pair.folder
    with looking(browser, PLAIN) as (page, witness):
        page.goto(for_acts.base + link(folder, "paula", "approver"))
        page.wait_for_function(f"{_NAME}.startsWith('New password')")  # the focus comes a moment after the page
        page.keyboard.type(PASSWORD)
        press_to(page, "The same once more")
        page.keyboard.type(PASSWORD)
        go(page, "Set it, and sign in")
        assert page.inner_text("h1") == "Tonight"

        go(page, "Demonstration: Riverside Clinic")
        go(page, "Doors")
        press_to(page, "Name, place or serial number")
        page.keyboard.type("script")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "begins with script" in page.inner_text("main")
        go(page, "<script>alert(1)</script>")
        assert page.inner_text("h1") == "<script>alert(1)</script>"

        go(page, "Rotation")
        served = progress_of(folder, SITE)["served"]
        press_to(page, "Reason, for the audit log")
        page.keyboard.type("all doors have come")
        page.keyboard.press("Tab")
        if page.evaluate(_NAME).startswith("To confirm"):
            page.keyboard.type(SITE)
            page.keyboard.press("Tab")
        assert page.evaluate(_NAME) == "Approve the step"
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.get_by_role("status").inner_text().startswith("Done:")
        assert progress_of(folder, SITE)["served"] == served + 1
        assert witness.complaints == []


def test_the_first_press_leads_past_the_menu(browser: Any, furnished: Running) -> None:
    with looking(browser, PLAIN, storage_state=furnished.session) as (page, _):
        page.goto(f"{furnished.base}/")
        page.keyboard.press("Tab")
        assert page.evaluate(_NAME) == "Skip to the content"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
