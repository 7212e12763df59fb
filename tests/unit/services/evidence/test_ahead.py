"""A batch is parsed while the one before it is stored. Their order stays, and no failure is lost."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from engage_server.services.evidence.reading.ahead import one_ahead


def ours() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("read-ahead")]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_all_come_in_their_order(count: int) -> None:
    assert list(one_ahead(iter(range(count)))) == list(range(count))
    assert not ours()


def test_the_next_is_taken_while_the_caller_works() -> None:
    taken = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(taken):
            event.set()
            yield number

    with closing(one_ahead(items())) as ahead:
        assert next(ahead) == 0
        assert not taken[1].is_set()  # with one item, no thread is worth its start
        assert next(ahead) == 1
        assert taken[2].wait(10)
        assert not taken[3].is_set()  # and no further: memory holds two batches at most
        assert list(ahead) == [2, 3]


def test_one_item_begins_no_thread() -> None:
    seen: list[int] = []

    def items() -> Iterator[int]:
        seen.append(threading.get_ident())
        yield 1

    assert list(one_ahead(items())) == [1]
    assert seen == [threading.get_ident()]


def test_what_fails_is_raised_after_what_came_before() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("the disk")

    got: list[int] = []
    with pytest.raises(OSError, match="the disk"):
        for each in one_ahead(items()):
            got.append(each)  # what came before the failure is what counts
    assert got == [0, 1, 2]
    assert not ours()


def test_the_thread_ends_when_the_caller_leaves() -> None:
    with closing(one_ahead(iter(range(9)))) as ahead:
        assert [next(ahead) for _ in range(3)] == [0, 1, 2]
        assert ours()
    assert not ours()
