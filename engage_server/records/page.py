"""A page of a long list."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """Some items of a list, and how to get those after them.

    A page may hold fewer items than were asked for, even none, before the end: a page examines only so many rows.
    Only ``next`` says whether the list has ended.

    Attributes:
        items: The items, in the order of the list.
        next: The cursor of the next page. None after the last page.
    """

    items: Sequence[_T]
    next: str | None = None


def every_item(page_of: Callable[[str | None], Page[_T]]) -> Iterator[_T]:
    """Walk over all pages of a list, and read each when the one before is used up.

    Args:
        page_of: Reads the page with this cursor; None is the first page.
    """
    cursor: str | None = None
    while True:
        page = page_of(cursor)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return
