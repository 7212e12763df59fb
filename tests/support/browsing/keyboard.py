"""A walk through a page with the Tab key alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("keyboard.js")
_TO_THE_START = "document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')"
# a field with autofocus gets the focus with the next picture of the page: only then can it be taken away
_TWO_PICTURES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_SPARE, _PARTS = 3, 8


@dataclass(frozen=True)
class Stop:
    """Where the focus rests after one more press.

    Attributes:
        place: Its number among all that can have the focus, in the order of the page. -1: nobody expects it there.
        name: What it is.
        href: Where it leads, if it is a link.
        outlined: Whether an outline says that it has the focus.
        shown: Whether it is in the window.
        covered: Whether something else lies over it.
    """

    place: int
    name: str
    href: str
    outlined: bool
    shown: bool
    covered: bool


def walk(page: Any) -> tuple[list[Stop], list[str]]:
    """Press Tab until the page is left. The stops, and all that should be one, in the order of the page."""
    page.evaluate(_TWO_PICTURES)
    page.evaluate(_TO_THE_START)
    focusable: list[str] = page.evaluate(_SCRIPT.read_text())["focusable"]
    stops: list[Stop] = []
    dates = page.locator("input[type=date], input[type=time], input[type=datetime-local]").count()
    for _ in range(len(focusable) + _PARTS * dates + _SPARE):
        page.keyboard.press("Tab")
        at = page.evaluate(_SCRIPT.read_text())["at"]
        if at is None:
            break
        if not stops or stops[-1].place != at["place"]:  # a date has several parts
            stops.append(Stop(**at))
    return stops, focusable


def lost_ways(page: Any, *, skip_link: bool = True) -> list[str]:
    """Return what is wrong for somebody with a keyboard alone.

    Args:
        page: Playwright's.
        skip_link: Whether the first stop must lead past the menu.
    """
    stops, focusable = walk(page)
    wrong = [f"no outline: {stop.name}" for stop in stops if not stop.outlined]
    wrong += [f"out of sight: {stop.name}" for stop in stops if not stop.shown or stop.covered]
    order = [stop.place for stop in stops]
    if order != list(range(len(focusable))):
        wrong.append(f"the order of the stops is {[stop.name for stop in stops]}, that of the page {focusable}")
    if skip_link and not (stops and stops[0].href.startswith("#")):
        wrong.append(f"the first stop is no link past the menu: {stops[:1]}")
    return wrong
