"""The judges of pages find what they look for: the negative controls of everything else in this folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import needs_browser
from tests.support.browsing.axe import needs_axe, violations
from tests.support.browsing.contrast import faint, measured
from tests.support.browsing.keyboard import lost_ways, walk
from tests.support.browsing.looks import NARROW, Look, looking, overflow
from tests.support.browsing.markup import faults, needs_html_validate
from tests.support.browsing.refusing_proxy import RefusingProxy

pytestmark = [pytest.mark.long("tests/unit/support/test_browser_skips.py, without a browser"), *needs_browser]

START = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>x</title>'
OUTLINED = (
    "<style>:root { background: #fff } :focus-visible { outline: 2px solid }</style></head><body><main><h1>x</h1>"
)


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    """A window for all that only looks: to open one costs more than to look."""
    with looking(browser) as (page, _):
        yield page


@pytest.fixture
def fresh_page(browser: Any) -> Iterator[Any]:
    """A window in which nobody has walked before."""
    with looking(browser) as (page, _):
        yield page


def svg(shapes: str) -> str:
    return f"{START}{OUTLINED}<svg viewBox='0 0 200 100' width='200' height='100'>{shapes}</svg>"


@needs_axe
@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<main><h1>x</h1><input>", "label"),
        ("<main><h1>x</h1><h3>y</h3>", "heading-order"),
        ("<main><h1>x</h1><p style='color: #999; background: #fff'>some words", "color-contrast"),
        ("<main><h1>x</h1></main><p>beside all landmarks", "region"),
        (
            "<main><h1>x</h1><a href='#a' style='display: block; width: 9px; height: 9px'>a</a>"
            "<a href='#b' style='display: block; width: 9px; height: 9px'>b</a>",
            "target-size",
        ),
    ],
)
def test_axe(page: Any, body: str, rule: str) -> None:
    page.set_content(f"{START}</head><body>{body}")
    assert [each.split()[0] for each in violations(page)] == [rule] * len(violations(page)) != []


@needs_axe
def test_axe_is_content_with_a_good_page(page: Any) -> None:
    page.set_content(f"{START}</head><body><main><h1>x</h1><label>Name <input></label></main>")
    assert violations(page) == []


@pytest.mark.parametrize(
    ("shapes", "wrong"),
    [
        ("<rect width='90' height='90' fill='#777'/>", ""),
        ("<rect width='90' height='90' fill='#ddd'/>", "rect"),
        ("<rect width='90' height='90' fill='#ddd' stroke='#000'/>", ""),
        ("<rect width='90' height='90' fill='#000' opacity='.2'/>", "rect"),
        ("<line x2='90' y1='50' y2='50' stroke='#eee'/>", "line"),
        ("<text y='50' fill='#777'>word</text>", "text"),
        ("<text y='50' fill='#666'>word</text>", ""),
        ("<rect width='200' height='100' fill='#333'/><text y='50' fill='#333'>word</text>", "text"),
        ("<rect width='200' height='100' fill='#333'/><text y='50' fill='#fff'>word</text>", ""),
        ("<g aria-hidden='true'><rect width='90' height='90' fill='#eee'/></g>", ""),
    ],
)
def test_contrast_in_pictures(page: Any, shapes: str, wrong: str) -> None:
    page.set_content(svg(shapes))
    assert [each.split(".")[0] for each in faint(page)] == ([wrong] if wrong else [])
    assert measured(page) == shapes.count("<rect") + shapes.count("<line") + shapes.count("<text") - shapes.count("<g")


def test_contrast_is_measured_where_one_has_to_scroll(page: Any) -> None:
    page.set_content(svg("<text y='50' fill='#ddd'>word</text>").replace("<svg", "<p style='height: 3000px'></p><svg"))
    assert len(faint(page)) == 1


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("<a href='#main'>Skip</a> <a href='/'>one</a> <button>two</button>", ""),
        ("<a href='/'>one</a> <a href='#main'>Skip</a>", "first stop"),
        ("<a href='#main'>Skip</a> <button tabindex='2'>two</button>", "order"),
        ("<a href='#main'>Skip</a> <button tabindex='-1'>two</button>", "order"),
        ("<a href='#main'>Skip</a> <a href='/' style='outline: none'>one</a>", "no outline"),
        ("<a href='#main'>Skip</a> <a href='/' style='position: absolute; left: -999px; top: -99px'>one</a>", "sight"),
    ],
)
def test_the_walk_with_the_keyboard(fresh_page: Any, body: str, wrong: str) -> None:
    fresh_page.set_content(f"{START}{OUTLINED}{body}")
    found = lost_ways(fresh_page)
    assert bool(found) is bool(wrong)
    assert not wrong or wrong in found[0]


def test_the_walk_counts_a_group_of_choices_once(fresh_page: Any) -> None:
    choices = "".join(f"<label><input type='radio' name='a' value='{n}'>{n}</label>" for n in "123")
    fresh_page.set_content(
        f"{START}{OUTLINED}<form>{choices}</form><details><summary>more</summary><a href='/'>x</a></details>"
    )
    stops, focusable = walk(fresh_page)
    assert [stop.place for stop in stops] == [0, 1]
    assert len(focusable) == 2


def test_sideways(browser: Any) -> None:
    with looking(browser, Look("narrow", width=NARROW)) as (page, _):
        page.set_content(f"{START}</head><body><p style='width: 500px'>x")
        assert overflow(page)[1].startswith("<p style")
        page.set_content(f"{START}</head><body><p style='width: 200px'>x")
        assert overflow(page) == []


@needs_html_validate
def test_markup(tmp_path: Path) -> None:
    good = f"{START}</head><body><p>x</p></body></html>\n"
    found = faults(tmp_path, {"good": good, "nested": good.replace("x</p>", "<div>x</div></p>"), "open": good[:-20]})
    assert set(found) == {"nested", "open"}


def test_the_proxy_hears_what_a_page_wants_from_elsewhere(browser: Any, proxy: RefusingProxy) -> None:
    with looking(browser) as (page, witness):
        page.set_content(f"{START}</head><body><img alt='' src='http://elsewhere.example/picture.png'>")
        page.wait_for_load_state("networkidle")
        assert witness.elsewhere == ["http://elsewhere.example/picture.png"]
        assert witness.errors
    assert [line for line in proxy.asked if "elsewhere.example" in line]


def test_a_script_that_fails_is_heard(browser: Any) -> None:
    with looking(browser) as (page, witness):
        page.set_content(f"{START}</head><body><script>throw Error('planted')</script>")
        page.wait_for_timeout(100)
        assert [each for each in witness.errors if "planted" in each]
