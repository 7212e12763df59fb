"""What is held is published at its moment, by whoever comes first: the loop before it serves, or the thread."""

import time

import pytest

from engage_server.services.distribution.lookup import Distribution
from engage_server.services.distribution.snapshot import EMPTY, Snapshot
from engage_server.serving.worker.switching.switchover import Switchover

NEXT = Snapshot(**{name: getattr(EMPTY, name) for name in Snapshot.__slots__} | {"generation": 7})
LONG = 600.0


class Holding:
    """A switchover that holds a snapshot, and what it published."""

    def __init__(self) -> None:
        self.distribution = Distribution()
        self.published: list[Snapshot] = []
        self.switchover = Switchover(self.distribution, self.published.append)
        self.switchover.hold(NEXT, LONG)
        held = self.switchover.held
        assert held is not None
        self.moment = time.monotonic() + LONG / 2
        self.switchover.move(held, self.moment, is_agreed=True)


@pytest.fixture
def holding() -> Holding:
    """Its thread was never started: it is one that waits for a processor."""
    return Holding()


def test_the_loop_publishes_at_the_moment_and_not_before(holding: Holding) -> None:
    holding.switchover.publish_due(holding.moment - 0.001)
    assert holding.distribution.snapshot is EMPTY
    holding.switchover.publish_due(holding.moment)
    assert holding.distribution.snapshot is NEXT
    assert holding.switchover.held is None


def test_it_is_published_once(holding: Holding) -> None:
    for _ in range(3):
        holding.switchover.publish_due(holding.moment + 1)
    holding.switchover.start()
    holding.switchover.stop()
    assert holding.published == [NEXT]


def test_nothing_is_published_after_the_end(holding: Holding) -> None:
    holding.switchover.stop()
    holding.switchover.publish_due(holding.moment + 1)
    assert holding.distribution.snapshot is EMPTY


def test_nothing_is_due_where_nothing_is_held() -> None:
    distribution = Distribution()
    Switchover(distribution, lambda snapshot: None).publish_due(time.monotonic() + LONG)
    assert distribution.snapshot is EMPTY
