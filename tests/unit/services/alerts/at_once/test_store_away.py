"""The store is away: it is said from memory, once for an outage, and its end."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.records import AuditAction, ChannelKind
from engage_server.services.alerts.at_once.store_away import StoreAway
from engage_server.services.alerts.channel import Delivery, Outcome
from engage_server.store.sql_store import SqlStore
from tests.support.alerting import Kept
from tests.support.alerts import recipient
from tests.support.briefings import CONSOLE
from tests.support.chains import NOW
from tests.support.world import World

MINUTE = timedelta(minutes=1)
AGAIN = Delivery(Outcome.AGAIN, "busy")


class Outage:
    """A store that is there or not, and what watches it."""

    def __init__(self, world: World) -> None:
        self.world, self.kept, self.log = world, Kept(), list[str]()
        self.is_away = False
        self.watched = StoreAway(
            self._store, self.kept.channel_for, "one", timedelta(minutes=10), CONSOLE, self.log.append
        )

    def run(self, minutes: float) -> list[str]:
        """Look after so many minutes. Return who heard something."""
        before = len(self.kept.got)
        self.watched.run(NOW + minutes * MINUTE)
        return [name for name, _ in self.kept.got[before:]]

    def _store(self) -> SqlStore:
        if self.is_away:
            raise StoreNotUsable("the database main does not answer", "Start it.")
        return self.world.store


@pytest.fixture
def outage(tmp_path: Path) -> Iterator[Outage]:
    """Two recipients."""
    with World(tmp_path) as world:
        for each in (recipient(), recipient("hook", ChannelKind.WEBHOOK)):
            world.store.add_recipient(each, None, world.occasion.event(AuditAction.SITE_CHANGED))
        yield Outage(world)


def test_it_is_said_once_after_a_while_and_its_end(outage: Outage) -> None:
    assert outage.run(0) == []
    outage.is_away = True
    assert [outage.run(each) for each in (1, 5, 10.9)] == [[], [], []]
    assert outage.run(11) == ["caretakers", "hook"]
    assert [outage.run(each) for each in (12, 600, 3000)] == [[], [], []]
    message = outage.kept.got[0][1].message
    assert message.subject.startswith("one: the database does not answer since ")
    assert "Do: Start it." in message.text
    outage.is_away = False
    assert outage.run(3001) == []
    assert [each.message.subject for each in outage.world.store.outbox(9)] == [
        "Over: one: the database answers again"
    ] * 2


def test_a_short_outage_is_nobody_s_news(outage: Outage) -> None:
    outage.run(0)
    outage.is_away = True
    outage.run(1)
    outage.is_away = False
    outage.run(5)
    outage.is_away = True
    assert outage.run(12) == [], "it began again"
    outage.is_away = False
    outage.run(13)
    assert outage.world.store.outbox(9) == []


def test_who_did_not_get_it_is_tried_again_and_hears_no_end(outage: Outage) -> None:
    outage.run(0)
    outage.is_away = True
    outage.run(1)
    outage.kept.answers = [AGAIN]
    assert outage.run(11) == ["hook"]
    assert outage.run(11.2) == []
    outage.kept.answers = [AGAIN]
    assert outage.run(12) == []
    outage.is_away = False
    outage.run(13)
    assert [each.recipient for each in outage.world.store.outbox(9)] == ["hook"]


def test_a_process_that_starts_then_knows_nobody(outage: Outage) -> None:
    outage.is_away = True
    assert [outage.run(each) for each in (0, 11, 99)] == [[], [], []]
