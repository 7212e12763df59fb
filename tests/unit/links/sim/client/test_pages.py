"""Lists page after page: each way to continue, where each ends, and lists that would never end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from engage_server.errors import NotFound, UpstreamSilent
from engage_server.links.sim.client.pages import Choice, Page, items_of
from engage_server.links.sim.contract.operator_map import Mapped, Paging


class Shop:
    """Ten items, in pages that are at most three long, whatever is asked for."""

    def __init__(self, fields: dict[str, str] | None = None) -> None:
        self.asked: list[Choice] = []
        self.followed: list[str] = []
        self.fields = fields or {}

    def ask(self, choice: Choice) -> Page:
        self.asked.append(choice)
        if "page" in choice:
            start = (int(choice["page"]) - 1) * 3
        else:
            start = int(choice.get("offset", 0)) if "offset" in choice else int(choice.get("cursor", 0) or 0)
        return self._page(start)

    def follow(self, address: str, current: str) -> Page:
        self.followed.append(f"{current} -> {address}")
        return self._page(int(address.rpartition("=")[2]))

    def _page(self, start: int) -> Page:
        items = list(range(10))[start : start + 3]
        after = start + 3 if start + 3 < 10 else None
        content: dict[str, Any] = {"items": items, "next": after}
        content["address"] = None if after is None else f"/list?start={after}"
        link = {} if after is None else {"Link": f'</list?start=0>; rel="first", </list?start={after}>; rel="next"'}
        return Page(content, {**self.fields, **link}, f"/list?start={start}")


def read(shop: Shop, paging: Paging | None) -> Iterator[Any]:
    return items_of(Mapped("x", answer="/items", paging=paging), shop.ask, shop.follow, "the list")


@pytest.mark.parametrize(
    ("paging", "calls"),
    [
        (Paging("page", "page", size_parameter="size"), 5),  # the last page is empty
        (Paging("offset", "offset", first=0), 5),
        (Paging("cursor", "cursor", next_at="/next"), 4),
        (Paging("link", next_at="/address"), 1),
        (Paging("link"), 1),
    ],
)
def test_all_items_come_once(paging: Paging, calls: int) -> None:
    shop = Shop()
    assert list(read(shop, paging)) == list(range(10))
    assert len(shop.asked) == calls
    assert len(shop.followed) == (3 if paging.by == "link" else 0)


def test_pages_are_asked_for_as_they_are_consumed() -> None:
    shop = Shop()
    items = read(shop, Paging("page", "page"))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    assert len(shop.asked) == 1
    next(items)
    assert len(shop.asked) == 2


def test_the_size_is_asked_for_on_each_page() -> None:
    shop = Shop()
    list(read(shop, Paging("page", "page", size_parameter="size", size=50)))
    assert shop.asked[1] == {"size": 50, "page": 2}


def test_the_number_of_pages_may_stand_in_a_header() -> None:
    shop = Shop({"X-Total-Pages": "4"})
    assert list(read(shop, Paging("page", "page", pages_field="X-Total-Pages"))) == list(range(10))
    assert len(shop.asked) == 4
    odd = Shop({"X-Total-Pages": "many"})
    assert list(read(odd, Paging("page", "page", pages_field="X-Total-Pages"))) == list(range(10))


def test_a_list_without_pages_is_one_answer() -> None:
    shop = Shop()
    assert list(read(shop, None)) == [0, 1, 2]


def test_a_404_behind_the_last_page_is_its_end_and_on_the_first_an_error() -> None:
    shop = Shop()
    ask = shop.ask

    def missing(choice: Choice) -> Page:
        if int(choice["page"]) > 4:
            raise NotFound("no such page")
        return ask(choice)

    mapped = Mapped("x", answer="/items", paging=Paging("page", "page"))
    assert list(items_of(mapped, missing, shop.follow, "the list")) == list(range(10))
    late = Mapped("x", answer="/items", paging=Paging("page", "page", first=5))
    with pytest.raises(NotFound):
        list(items_of(late, missing, shop.follow, "the list"))


def constant(content: Any) -> Iterator[Any]:
    """A list that answers the same to everything, with a next cursor."""
    page = Page(content, {}, "/list")
    mapped = Mapped("x", answer="/items", paging=Paging("page", "page"))
    return items_of(mapped, lambda choice: page, lambda address, current: page, "the list")


def test_pages_that_repeat_are_an_error() -> None:
    """A parameter with another name is ignored by most systems: each page is then the first."""
    with pytest.raises(UpstreamSilent, match="each page with the same items") as raised:
        list(constant({"items": [1, 2]}))
    assert raised.value.code == "sim.answer"


def test_a_cursor_that_comes_again_is_an_error() -> None:
    count = iter(range(100))
    mapped = Mapped("x", answer="/items", paging=Paging("cursor", "cursor", next_at="/next"))
    endless = items_of(
        mapped,
        lambda choice: Page({"items": [next(count)], "next": "a"}, {}, ""),
        lambda *_: Page(0, {}, ""),
        "the list",
    )
    with pytest.raises(UpstreamSilent, match="leads in a circle"):
        list(endless)


def test_a_list_that_does_not_end_is_an_error() -> None:
    count = iter(range(100_000))
    mapped = Mapped("x", answer="/items", paging=Paging("page", "page"))
    endless = items_of(
        mapped, lambda choice: Page({"items": [next(count)]}, {}, ""), lambda *_: Page(0, {}, ""), "the list"
    )
    with pytest.raises(UpstreamSilent, match="more than 10000 pages"):
        list(endless)


@pytest.mark.parametrize("content", ["{}", '{"items": {}}', '{"items": "x"}', "[]", "null", "7"])
def test_an_answer_without_a_list_is_an_error(content: str) -> None:
    with pytest.raises(UpstreamSilent, match="no list at '/items'"):
        list(constant(json.loads(content)))
