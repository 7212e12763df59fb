"""Every page of the console, in every way to look at it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import needs_browser
from tests.support.browsing.axe import needs_axe, violations
from tests.support.browsing.contrast import faint
from tests.support.browsing.furnished import Running
from tests.support.browsing.keyboard import lost_ways
from tests.support.browsing.looks import LOOKS, NARROW, PLAIN, WITHOUT_SCRIPTS, Look, looking, overflow
from tests.support.browsing.markup import faults, needs_html_validate
from tests.support.browsing.places import BESIDE, CONSOLE, PLACES, Place, unknown_names
from tests.support.browsing.refusing_proxy import RefusingProxy
from tests.support.browsing.windows import Windows
from tests.support.lengths import RUN

pytestmark = [pytest.mark.long("tests/unit/web/console/pages, without a browser"), *needs_browser]

# in CI each page is shown in one of the six looks, and as narrow as a telephone; what walks through a page visits some
# of them. All together take longer than CI may: scripts/judge-pages leaves nothing out, as does a campaign


def shown(places: Sequence[Place], first: int) -> pytest.MarkDecorator:
    """A test for each place; in CI for every sixth one, from the first on."""
    some = places if RUN.campaign else places[first::6]
    return pytest.mark.parametrize("place", some, ids=lambda place: place.name)


_FOR_EVERYBODY = next(each for each in BESIDE if each.is_public)
_FIGURES = re.compile(r"[0-9]+(?: of [0-9]+)?")  # how old a look is, and how much is left, changes between two visits
# what is there to be used, and no use on paper
_SHOWN_CONTROLS = """[...document.querySelectorAll("nav, form, button, .skip")].filter((each) => each.checkVisibility())
    .map((each) => each.outerHTML.slice(0, 200))"""


_SEEN = [
    pytest.param(place, look, id=f"{place.name}-{look.name}")
    for number, place in enumerate(PLACES)
    for look in (LOOKS if RUN.campaign else (LOOKS[number % len(LOOKS)],))
]


@needs_axe
@pytest.mark.parametrize(("place", "look"), _SEEN)
def test_everybody_can_use_it(
    windows: Windows, furnished: Running, proxy: RefusingProxy, place: Place, look: Look
) -> None:
    asked_before = len(proxy.asked)
    page, witness = windows.to(place, look)
    answer = page.goto(furnished.address(place))
    assert answer.status == place.status
    page.wait_for_load_state("networkidle")
    found = {
        "axe": violations(page),
        "faint": faint(page),
        "pixels sideways": overflow(page),
        "against the policy": witness.complaints,
        "errors": [error for error in witness.errors if place.status == 200],
        "asked of others": witness.beside(furnished.base) + proxy.asked[asked_before:],
    }
    assert {what: why for what, why in found.items() if why} == {}
    page.set_viewport_size({"width": NARROW, "height": 900})
    assert overflow(page) == [], "on a telephone"


@needs_html_validate
def test_what_was_served_is_good_html(windows: Windows, furnished: Running, tmp_path: Path) -> None:
    served = {}
    for place in PLACES:
        answer = windows.to(place)[0].request.get(furnished.address(place), headers={"Accept": "text/html"})
        assert answer.status == place.status
        served[place.name] = answer.text()
    assert faults(tmp_path, served) == {}


@shown(PLACES, 0)
def test_the_keyboard_is_enough(browser: Any, furnished: Running, place: Place) -> None:
    with looking(browser, PLAIN, storage_state=furnished.seen_by(place)) as (page, _):  # where nobody has walked before
        page.goto(furnished.address(place))
        assert lost_ways(page, skip_link=place.is_of_console) == []


@shown([each for each in PLACES if not each.is_public], 2)
def test_on_paper_there_is_nothing_to_press(windows: Windows, furnished: Running, place: Place) -> None:
    page, _ = windows.to(place)
    page.goto(furnished.address(place))
    page.emulate_media(media="print")
    try:
        assert page.evaluate(_SHOWN_CONTROLS) == []
        assert page.locator("h1").is_visible()
    finally:
        page.emulate_media(media="screen")


@shown(PLACES, 1)
def test_without_scripts_it_says_the_same(windows: Windows, furnished: Running, place: Place) -> None:
    said = []
    for look in (PLAIN, WITHOUT_SCRIPTS):
        page, witness = windows.to(place, look)
        page.goto(furnished.address(place))
        said.append(_FIGURES.sub("0", page.inner_text("main")))
        assert witness.complaints == []
    assert said[0] == said[1]


@shown(CONSOLE, 0)
def test_nobody_sees_it_without_signing_in(windows: Windows, furnished: Running, place: Place) -> None:
    page, _ = windows.to(_FOR_EVERYBODY)
    page.goto(furnished.address(place))
    assert "/sign-in" in page.url


@shown(CONSOLE, 1)
def test_a_form_of_somebody_else_is_refused_on_its_page(windows: Windows, furnished: Running, place: Place) -> None:
    """Each form of the page is sent with another token. The page that says so is for everybody, too."""
    page, _ = windows.to(place)
    page.goto(furnished.address(place))
    forms = page.locator("main form[method=post]").count()
    for number in range(forms):
        page.goto(furnished.address(place))
        with page.expect_navigation():
            page.evaluate(
                """(number) => {
                    const form = document.querySelectorAll("main form[method=post]")[number];
                    form.querySelector("input[name=token]").value = "another";
                    form.submit();
                }""",
                number,
            )
        assert page.get_by_role("alert").count() == 1
        assert violations(page) == []
        assert overflow(page) == []


def test_each_further_place_belongs_to_a_page() -> None:
    assert unknown_names() == set()
