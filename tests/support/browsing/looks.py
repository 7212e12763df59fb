"""How people look at a page: wide or on a telephone, light or dark, with colours of their own, without scripts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.browser import Witness

WIDE, NARROW = 1280, 320  # 320 pixels: 1280 at a zoom of 400 % (WCAG 2.2, 1.4.10)


# the page's own width counts. What sticks out of it is told as a help, and boxes that scroll by themselves are left out
_TOO_WIDE = """(() => {
    const page = document.documentElement, over = page.scrollWidth - page.clientWidth;
    if (over <= 0) return [];
    const wide = [...document.querySelectorAll("body *")].filter((each) =>
        each.getBoundingClientRect().right > page.clientWidth + 0.5 && !each.parentElement.closest(".scroll"));
    return [`${over} pixels`, ...wide.map((each) => each.outerHTML.slice(0, 100))];
})()"""


@dataclass(frozen=True)
class Look:
    """One way to look at pages.

    Attributes:
        name: For a test's id.
        width: Of the window, in pixels.
        scheme: ``light`` or ``dark``.
        forced: Whether the reader's own colours replace those of the page.
        scripts: Whether scripts run.
    """

    name: str
    width: int = WIDE
    scheme: str = "light"
    forced: bool = False
    scripts: bool = True

    def options(self) -> dict[str, Any]:
        """Playwright's options of a context."""
        return {
            "viewport": {"width": self.width, "height": 900},
            "color_scheme": self.scheme,
            "forced_colors": "active" if self.forced else "none",
            "java_script_enabled": self.scripts,
        }


PLAIN = Look("plain")
WITHOUT_SCRIPTS = Look("without scripts", scripts=False)
LOOKS = (
    Look("light and wide"),
    Look("light and narrow", width=NARROW),
    Look("dark and wide", scheme="dark"),
    Look("dark and narrow", width=NARROW, scheme="dark"),
    Look("forced colours", forced=True),
    Look("forced colours and dark", scheme="dark", forced=True),
)


@contextmanager
def looking(browser: Any, look: Look = PLAIN, **options: Any) -> Iterator[tuple[Any, Witness]]:
    """A page in a context of its own: a person with cookies of their own, and a witness of all that happens to them.

    Args:
        browser: Playwright's.
        look: How they look at it.
        options: Others of Playwright, such as ``storage_state``: somebody who is signed in already.
    """
    with browser.new_context(**(look.options() | options)) as context:
        yield context.new_page(), Witness(context)


def overflow(page: Any) -> list[str]:
    """What makes one scroll sideways to see all of the page. [] if nobody has to."""
    found: list[str] = page.evaluate(_TOO_WIDE)
    return found
