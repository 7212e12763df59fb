"""Every page that people can see, with its address: those of the console's table, and those on which they sign in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """

    name: str
    path: str
    is_of_console: bool = True
    is_public: bool = False
    status: int = field(default=200)

    def address(self, values: Mapping[str, str | int]) -> str:
        """Its path with the parameters filled in. Fails for a parameter that nobody has a value for."""
        return filled(self.path, values)


# the same pages with something asked of them, by the page's name
_ASKED: Mapping[str, tuple[str, ...]] = {
    "doors": ("?show=at-risk", "?show=never-seen", "?search=north", "?search=nothing-begins-so"),
}

CONSOLE = tuple(Place(page.name, page.path) for page in PAGES) + tuple(
    Place(f"{page.name}{query}", page.path + query) for page in PAGES for query in _ASKED.get(page.name, ())
)
BESIDE = (
    Place("sign in", "/sign-in", is_of_console=False, is_public=True),
    Place("set a password", "/sign-in/{secret}", is_of_console=False, is_public=True),
    Place("a link that is over", "/sign-in/none", is_of_console=False, is_public=True, status=410),
    Place("account", "/account", is_of_console=False),
    Place("no such page", "/nowhere", is_of_console=False, status=404),
)
PLACES = (*CONSOLE, *BESIDE)


def unknown_questions() -> set[str]:
    """Names in the table of questions that no page has."""
    return set(_ASKED) - {page.name for page in PAGES}
