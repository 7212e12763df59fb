"""Takes the next of something while the caller works with the one before. So parsing overlaps with a wait."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def one_ahead(items: Iterator[_Item]) -> Generator[_Item]:
    """Yield all items in their order, each taken by another thread while the caller has the one before.

    The first two are taken by the caller's own thread. So where there is only one, no thread begins.

    Args:
        items: Used by one thread at a time. What it raises is raised here, after the items before it.

    Yields:
        The items. Close this iterator if you leave it early: the thread ends with it.
    """
    for first in items:
        yield first
        break
    yield from _by_another_thread(items, list(_at_most_one(items)))


def _by_another_thread(items: Iterator[_Item], taken: list[_Item]) -> Generator[_Item]:
    if not taken:
        return
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        while taken:
            following = reader.submit(lambda: list(_at_most_one(items)))
            yield taken[0]
            taken = following.result()


def _at_most_one(items: Iterator[_Item]) -> Iterator[_Item]:
    for item in items:
        yield item
        return
