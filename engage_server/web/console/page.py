"""One row of the table of pages, and one form of a page. Addresses, permissions and navigation are made from them.

1. A page is read with GET and changes nothing.
2. A form is sent with POST and leads to a page (303), so that reloading repeats nothing.
3. What a form asks for is refused on the page that held it, with everything that was typed still there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engage_server.services.access.permissions import Act
from engage_server.web.api.route import Scope

if TYPE_CHECKING:
    from engage_server.web.console.visit import Visit

_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Form:
    """One form.

    Attributes:
        path: Where it is sent. Its parameters are those of the page.
        act: What its sender does.
        carry_out: Does it, and returns the path of the page that follows. Raises EngageError if it is refused.
        scope: Where its sender must have the role.
        most_bytes: The most bytes that it may have, uploads included.
    """

    path: str
    act: Act
    carry_out: Callable[["Visit"], str]
    scope: Scope = Scope.SITE
    most_bytes: int = _MOST_BYTES

    @property
    def name(self) -> str:
        """Its name among the addresses."""
        return self.carry_out.__name__


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        name: Its name among the addresses, and of its template.
        path: With its parameters in braces: see :data:`engage_server.web.console.path_parameters.PARAMETERS`.
        title: What its heading, its tab and the navigation call it.
        act: What a visitor does who sees it.
        show: Returns what its template needs. Raises EngageError if it cannot be shown.
        scope: Where a visitor must have the role.
        forms: Its forms.
        is_refreshed: Whether it renews itself while somebody looks at it.
    """

    name: str
    path: str
    title: str
    act: Act
    show: Callable[["Visit"], Mapping[str, Any]]
    scope: Scope = Scope.SITE
    forms: tuple[Form, ...] = ()
    is_refreshed: bool = False

    @property
    def is_of_site(self) -> bool:
        """Whether it belongs to one site."""
        return "{site}" in self.path
