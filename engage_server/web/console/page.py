"""One row of the table of pages, and one form of a page. Addresses, permissions and navigation are made from them.

1. A page is read with GET and changes nothing.
2. A form is sent with POST and leads to a page (303), so that reloading repeats nothing.
3. What a form asks for is refused on the page that held it, with everything that was typed still there.
"""

from collections.abc import Callable, Iterator, Mapping
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
        carry_out: Does it, and returns the path of the page that follows. What is shown once, such as a token, is
            returned as more content of the page that holds the form. Raises EngageError if it is
            refused.
        scope: Where its sender must have the role.
        most_bytes: The most bytes that it may have, uploads included.
    """

    path: str
    act: Act
    carry_out: Callable[["Visit"], str | Mapping[str, Any]]
    scope: Scope = Scope.SITE
    most_bytes: int = _MOST_BYTES

    @property
    def name(self) -> str:
        """Its name among the addresses."""
        return self.carry_out.__name__


@dataclass(frozen=True, slots=True)
class File:
    """What a visitor downloads.

    Attributes:
        name: What the browser calls it: ASCII letters, digits, dots and hyphens.
        content_type: With its charset.
        content: The whole of it, or its parts one after the other.
    """

    name: str
    content_type: str
    content: bytes | Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Download:
    """An address that gives a file in place of a page.

    Attributes:
        path: With its parameters in braces.
        act: What a visitor does who downloads it.
        make: Returns the file. Raises EngageError if there is none.
        scope: Where a visitor must have the role.
    """

    path: str
    act: Act
    make: Callable[["Visit"], File]
    scope: Scope = Scope.SITE

    @property
    def name(self) -> str:
        """Its name among the addresses."""
        return self.make.__name__


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
        downloads: The files that it links to.
        is_refreshed: Whether it renews itself while somebody looks at it.
    """

    name: str
    path: str
    title: str
    act: Act
    show: Callable[["Visit"], Mapping[str, Any]]
    scope: Scope = Scope.SITE
    forms: tuple[Form, ...] = ()
    downloads: tuple[Download, ...] = ()
    is_refreshed: bool = False

    @property
    def is_of_site(self) -> bool:
        """Whether it belongs to one site."""
        return "{site}" in self.path
