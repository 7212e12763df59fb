"""Every page that people can see, with its address: those of the console's table, and those on which they sign in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engage_server.web.console.page import Page
from engage_server.web.console.path_parameters import filled
from engage_server.web.console.table import PAGES


@dataclass(frozen=True)
class Place:
    """A page with its address.

    Attributes:
        name: For a test's id.
        path: With its parameters in braces, and what stands behind it.
        is_of_console: Whether it stands in the console's frame: with a menu, for somebody who has signed in.
        is_public: Whether one sees it without signing in.
        status: With which it is answered.
        by_newcomer: Whether somebody looks at it who sees a site without doors alone, as after an installation.
        instead: Values for parameters in place of those of the installation.
    """

    name: str
    path: str
    is_of_console: bool = True
    is_public: bool = False
    status: int = 200
    by_newcomer: bool = False
    instead: Mapping[str, str | int] = field(default_factory=dict)

    def address(self, values: Mapping[str, str | int]) -> str:
        """Its path with the parameters filled in. Fails for a parameter that nobody has a value for."""
        return filled(self.path, {**values, **self.instead})


def _further(page: Page) -> Iterator[Place]:
    """The same page with something asked of it, or of another thing."""
    for query in _ASKED.get(page.name, ()):
        yield Place(f"{page.name}{query}", page.path + query)
    for instead in _INSTEAD.get(page.name, ()):
        yield Place(f"{page.name} of {', '.join(map(str, instead.values()))}", page.path, instead=instead)


# the same pages with something asked of them, by the page's name
_ASKED: Mapping[str, tuple[str, ...]] = {
    "releases": ("?back=1",),
    "release-comparison": ("?first=1&second=2",),
    "rotation": ("?way=server-renewal",),
    "doors": ("?show=at-risk", "?show=never-seen", "?search=script", "?search=nothing-begins-so"),
    "find-doors": ("?search=script", "?search=nothing-begins-so"),
    "audit-log": ("?site=demo-campus", "?actor=nobody"),
}
_INSTEAD: Mapping[str, tuple[Mapping[str, str | int], ...]] = {
    "rotation": ({"site": "demo-clinic"}, {"site": "demo-depot"}),  # one that is open, and one after none
    "site": ({"site": "demo-clinic"},),
    "release": ({"number": 2},),
}

_FRESH = (Place("tonight without a door", "/", by_newcomer=True),)
CONSOLE = (*(place for page in PAGES for place in (Place(page.name, page.path), *_further(page))), *_FRESH)
BESIDE = (
    Place("sign in", "/sign-in", is_of_console=False, is_public=True),
    Place("set a password", "/sign-in/{secret}", is_of_console=False, is_public=True),
    Place("a link that is over", "/sign-in/none", is_of_console=False, is_public=True, status=410),
    Place("no such page", "/nowhere", is_of_console=False, status=404),
)
PLACES = (*CONSOLE, *BESIDE)


def unknown_names() -> set[str]:
    """Names in the tables of further places that no page has."""
    return {*_ASKED, *_INSTEAD} - {page.name for page in PAGES}
