"""A receiver that stalls does not hold up the others."""

import threading
from datetime import UTC, datetime

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.records import AuditAction, ChannelKind, OutboxState, Recipient, Secret
from engage_server.services.alerts.channel import Channel
from engage_server.services.alerts.dispatch import Dispatch
from engage_server.services.alerts.lanes import Lanes
from tests.support.alerting import Kept
from tests.support.alerts import entry, recipient
from tests.support.briefings import CONSOLE
from tests.support.world import World

_SECONDS = 20.0


class Stalling:
    """Receivers of which some do not answer before they are let go."""

    def __init__(self, *stalled: str) -> None:
        self.let_go = threading.Event()
        self.kept = Kept()
        self._stalled = stalled

    def channel_for(self, one: Recipient, secret: Secret | None) -> Channel:
        """The way to one."""
        if one.name in self._stalled:
            assert self.let_go.wait(_SECONDS)
        return self.kept.channel_for(one, secret)


def _lanes(world: World, receivers: Stalling, most: int) -> Lanes:
    dispatch = Dispatch(world.store, receivers.channel_for, "one/1", CONSOLE)
    return Lanes(lambda name: dispatch.run(lambda: datetime.now(UTC), name), lambda sentence: None, most)


def _states(world: World) -> dict[str, OutboxState]:
    return {each.recipient: each.state for each in world.store.outbox(9)}


@pytest.fixture
def names(world: World) -> list[str]:
    """Three recipients, each with an alert that is due."""
    found = ["a", "b", "c"]
    for name in found:
        event = world.occasion.event(AuditAction.SITE_CHANGED)
        world.store.add_recipient(recipient(name, ChannelKind.WEBHOOK), Secret(b"x"), event)
    world.store.put_in_outbox([entry(name) for name in found])
    return found


def test_the_others_get_theirs_while_one_stalls(world: World, names: list[str]) -> None:
    receivers = Stalling("a")
    lanes = _lanes(world, receivers, most=2)
    assert list(world.store.due_recipients()) == names
    lanes.start(["a", "b"])
    for _ in range(200):  # the lane of b is free as soon as it was sent
        lanes.start([name for name in world.store.due_recipients() if name != "a"])
        if len(receivers.kept.got) == 2:
            break
        threading.Event().wait(0.05)
    assert sorted(to for to, _ in receivers.kept.got) == ["b", "c"]
    assert not lanes.wait(0.1), "a is still being sent to"
    lanes.start(["a"])
    receivers.let_go.set()
    assert lanes.wait(_SECONDS)
    assert [to for to, _ in receivers.kept.got].count("a") == 1, "one lane for each recipient"
    assert set(_states(world).values()) == {OutboxState.SENT}


def test_no_more_lanes_than_allowed(world: World, names: list[str]) -> None:
    receivers = Stalling("a", "b")
    lanes = _lanes(world, receivers, most=2)
    lanes.start(names)
    receivers.let_go.set()
    assert lanes.wait(_SECONDS)
    assert sorted(to for to, _ in receivers.kept.got) == ["a", "b"]
    lanes.start(world.store.due_recipients())
    assert lanes.wait(_SECONDS)
    assert len(receivers.kept.got) == 3


def test_a_lane_that_fails_says_so_and_is_free_again() -> None:
    said: list[str] = []
    errors: list[Exception] = [StoreNotUsable("the database is away", "Start it."), ValueError("canary")]

    def send(name: str) -> None:
        raise errors.pop(0)

    lanes = Lanes(send, said.append)
    for _ in range(2):
        lanes.start(["a"])
        assert lanes.wait(_SECONDS)
    assert said == ["alerts to a were not sent: the database is away", "alerts to a were not sent: ValueError"]
