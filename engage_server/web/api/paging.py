"""Pages of long lists, the same for every list of the API."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BeforeValidator, Field

from engage_server.as_json.formats import Format, Shape
from engage_server.records import Page
from engage_server.web.api.route import Answer, Query

_T = TypeVar("_T")
USUAL, MOST = 100, 1000


def whole_number(text: object) -> object:
    """Refuse what Python would take for a number but JSON would not: signs, spaces and underscores.

    Raises:
        ValueError: It is such a text.
    """
    if isinstance(text, str) and not (text.isascii() and text.isdecimal()):
        raise ValueError("digits alone")
    return text


class PageQuery(Query):
    """Which page of a list."""

    # the bounds stand before what reads the text: only so the schema has them
    limit: Annotated[int, Field(ge=1, le=MOST), BeforeValidator(whole_number)] = Field(
        USUAL, description="The most items of the page. A page may have fewer, even none, before the last one."
    )
    cursor: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None, description="Of the page before: its field `next_cursor`. Leave it out for the first page."
    )


class PageJson(Shape, Generic[_T]):
    """A page of a list."""

    items: list[_T]
    """In the order of the list."""
    next: Annotated[str, Format("uri-reference")] | None
    """The path and query of the next page. Null: this is the last one."""
    next_cursor: str | None
    """The same for programs that build the query themselves: its parameter ``cursor``. Null: this is the last one."""


def page_answer(page: Page[Any], items: Sequence[Any]) -> Answer[Any]:
    """The answer for a page.

    Args:
        page: The page.
        items: Its items, as they are shown. Some may be left out.
    """
    return Answer({"items": list(items), "next": None, "next_cursor": None}, next=page.next or "")
