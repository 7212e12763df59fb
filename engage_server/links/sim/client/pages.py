"""Reads a list page after page, until it ends. A list that would never end, or that repeats itself, is an error."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engage_server.errors import NotFound
from engage_server.links.sim.contract.answers import listed, text_of, unusable
from engage_server.links.sim.contract.operator_map import Mapped, Paging
from engage_server.links.sim.contract.pointers import MISSING, found_at

_MOST_PAGES: Final = 10_000
_NEXT = re.compile(r'<([^<>]{1,2000})>\s*(?:;[^,<]{0,500})?;\s*rel="?next"?(?=[\s;,]|$)', re.IGNORECASE)

Choice = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a list.

    Attributes:
        content: Its JSON.
        fields: Its header fields.
        target: What gave it.
    """

    content: Any
    fields: Mapping[str, str]
    target: str


def items_of(
    mapped: Mapped, ask: Callable[[Choice], Page], follow: Callable[[str, str], Page], where: str
) -> Iterator[Any]:
    """Yield the items of all pages. They are asked for as they are consumed.

    Args:
        mapped: The list's operation.
        ask: Gets the page that query parameters choose.
        follow: Gets the page at an address that another page gave, which is its second argument.
        where: For errors.

    Raises:
        UpstreamSilent: An answer has no list, or the pages repeat or do not end.
        EngageError: A call fails.
    """
    if mapped.paging is None:
        yield from listed(ask({}).content, mapped.answer, where)
        return
    before: list[Any] = []
    for page in _pages(mapped.paging, mapped.answer, ask, follow, where):
        items = listed(page.content, mapped.answer, where)
        if items and items == before:
            raise unusable(f"{where} answers each page with the same items. Check parameter, first and pages_field")
        before = items
        yield from items


def _pages(
    paging: Paging, answer: str, ask: Callable[[Choice], Page], follow: Callable[[str, str], Page], where: str
) -> Iterator[Page]:
    size: Choice = {paging.size_parameter: paging.size} if paging.size_parameter else {}
    if paging.by in ("page", "offset"):
        yield from _counted(paging, answer, size, ask, where)
        return
    page, seen = ask(size), set[str]()
    for _ in range(_MOST_PAGES):
        yield page
        following = _following(paging, page)
        if not following:
            return
        if following in seen:
            raise unusable(f"{where} leads in a circle from page to page")
        seen.add(following)
        page = follow(following, page.target) if paging.by == "link" else ask({**size, paging.parameter: following})
    raise _endless(where)


def _counted(paging: Paging, answer: str, size: Choice, ask: Callable[[Choice], Page], where: str) -> Iterator[Page]:
    """Until a page is empty. One that is short may be short because the operator has smaller pages than we ask for."""
    number = paging.first
    for count in range(1, _MOST_PAGES + 1):
        try:
            page = ask({**size, paging.parameter: number})
        except NotFound:
            if count == 1:
                raise
            return  # some answer 404 behind the last page
        items = listed(page.content, answer, where)
        if not items:
            return
        yield page
        if _is_last(paging, page, count):
            return
        number += len(items) if paging.by == "offset" else 1
    raise _endless(where)


def _is_last(paging: Paging, page: Page, count: int) -> bool:
    text = page.fields.get(paging.pages_field, "").strip() if paging.pages_field else ""
    return text.isascii() and text.isdigit() and len(text) < 10 and count >= int(text)


def _following(paging: Paging, page: Page) -> str:
    if paging.by == "link" and not paging.next_at:
        found = _NEXT.search(page.fields.get("Link", "")[:10_000])
        return found[1] if found else ""
    value = found_at(page.content, paging.next_at)
    return value if isinstance(value, str) and len(value) <= 2_000 else "" if value is MISSING else text_of(value)


def _endless(where: str) -> Exception:
    return unusable(f"{where} has more than {_MOST_PAGES} pages")
