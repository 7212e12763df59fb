"""What waits is sent once, tried again with pauses, and given up in the end."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from engage_server.errors import SealBroken
from engage_server.records import AlertKind, AuditAction, ChannelKind, OutboxState, Recipient, Secret
from engage_server.services.alerts.channel import Channel, Delivery, Outcome
from engage_server.services.alerts.dispatch import Dispatch, pause_before
from engage_server.store.alerts.tables import alert_outbox
from engage_server.store.database.engine import writing
from tests.support.alerting import Alerting
from tests.support.alerts import entry, recipient
from tests.support.briefings import CONSOLE
from tests.support.chains import NOW
from tests.support.world import World

AGAIN, REFUSED, UNSURE = (Delivery(each, "it said\r\nno", fix="Ask it.") for each in list(Outcome)[1:])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A mail and a webhook."""
    with World(tmp_path) as found:
        for each in (recipient(), recipient("hook", ChannelKind.WEBHOOK)):
            found.store.add_recipient(each, Secret(b"canary"), found.occasion.event(AuditAction.SITE_CHANGED))
        yield found


@pytest.fixture
def alerting(world: World) -> Alerting:
    """The services."""
    return Alerting(world)


def now() -> datetime:
    """The clock, which is also the database's."""
    return datetime.now(UTC)


def age(world: World, **by: float) -> None:
    """Let what waits have been made a while ago, and be due."""
    with writing(world.store._engine) as connection:
        made = now() - timedelta(**by)
        connection.execute(update(alert_outbox).values(made_at=made, due_at=made))


def states(world: World) -> dict[str, OutboxState]:
    """The states, by recipient."""
    return {each.recipient: each.state for each in world.store.outbox(99)}


def test_each_is_sent_once_with_its_id(world: World, alerting: Alerting) -> None:
    world.store.put_in_outbox([entry(), entry("hook")])
    assert len(alerting.dispatch.run(now)) == 2
    assert alerting.dispatch.run(now) == []
    ids = {each.id for each in world.store.outbox(9)}
    assert {each.id for _, each in alerting.kept.got} == ids
    assert states(world) == {"caretakers": OutboxState.SENT, "hook": OutboxState.SENT}
    assert alerting.log == []


def test_trouble_waits_and_says_so_without_secrets(world: World, alerting: Alerting) -> None:
    world.store.put_in_outbox([entry()])
    alerting.kept.answers = [AGAIN]
    alerting.dispatch.run(now)
    assert alerting.dispatch.run(now) == [], "it pauses"
    (waiting,) = world.store.outbox(9)
    assert (waiting.state, waiting.trouble, waiting.attempts) == (OutboxState.WAITING, "it said\\r\\nno", 1)
    assert waiting.due_at - now() > timedelta(seconds=20)
    assert len(alerting.log) == 1 and "canary" not in alerting.log[0] and "\n" not in alerting.log[0]


@pytest.mark.parametrize(
    ("attempts", "asked", "pause"),
    [
        (1, None, 30),
        (3, None, 120),
        (6, None, 1800),
        (7, None, 3600),
        (99, None, 3600),
        (1, 900, 900),
        (1, 10**6, 21600),
    ],
)
def test_pauses_grow_and_a_receiver_may_ask_for_more(attempts: int, asked: int | None, pause: float) -> None:
    not_before = None if asked is None else NOW + timedelta(seconds=asked)
    assert pause_before(attempts, not_before, NOW) == pause


def test_what_waited_a_night_comes_once_and_says_that_it_is_late(world: World, alerting: Alerting) -> None:
    world.store.put_in_outbox([entry()])
    for hours in (1, 3, 8):
        alerting.kept.answers = [AGAIN]
        age(world, hours=hours)
        alerting.dispatch.run(now)
    age(world, hours=9)
    alerting.dispatch.run(now)
    ((_, got),) = alerting.kept.got
    assert got.message.subject == "Late: main: 3 doors at risk"
    assert got.message.text.startswith("This alert is late. It was written ")
    assert states(world) == {"caretakers": OutboxState.SENT}


@pytest.mark.parametrize(
    ("kind", "hours", "state"),
    [
        (AlertKind.MORNING, 22, OutboxState.SENT),
        (AlertKind.MORNING, 24, OutboxState.GIVEN_UP),
        (AlertKind.ALIVE, 24, OutboxState.GIVEN_UP),
        (AlertKind.BREAK_GLASS, 24, OutboxState.SENT),
        (AlertKind.BREAK_GLASS, 73, OutboxState.GIVEN_UP),
    ],
)
def test_nothing_is_sent_of_days_long_past(
    world: World, alerting: Alerting, kind: AlertKind, hours: int, state: OutboxState
) -> None:
    world.store.put_in_outbox([entry(kind=kind)])
    age(world, hours=hours)
    alerting.dispatch.run(now)
    assert states(world) == {"caretakers": state}
    assert len(alerting.kept.got) == (state is OutboxState.SENT)


def test_a_webhook_that_refuses_is_switched_off_and_the_others_hear_of_it(world: World, alerting: Alerting) -> None:
    world.store.put_in_outbox([entry("hook"), entry("hook", "later")])
    alerting.kept.answers = [REFUSED]
    alerting.dispatch.run(now)
    off = world.store.recipients()[1]
    assert off.off_since is not None and off.off_why == "it said\\r\\nno"
    ((to, got),) = alerting.kept.got
    assert (to, got.message.kind) == ("caretakers", AlertKind.RECIPIENT_OFF)
    assert got.message.subject == "alerts to hook are switched off: it said\\r\\nno"
    assert "Ask it." in got.message.text
    assert [each.state for each in world.store.outbox(9)].count(OutboxState.GIVEN_UP) == 2


def test_a_mailbox_that_refuses_one_mail_stays_on(world: World, alerting: Alerting) -> None:
    world.store.put_in_outbox([entry(), entry(period="later")])
    alerting.kept.answers = [REFUSED, REFUSED]
    alerting.dispatch.run(now)
    assert world.store.recipients()[0].off_since is None
    assert [to for to, _ in alerting.kept.got] == ["hook"], "said once a day"


def test_a_mailbox_that_refuses_around_midnight_is_said_once(world: World, alerting: Alerting) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0)
    for at, heard in ((timedelta(minutes=-4), 1), (timedelta(minutes=4), 1), (timedelta(hours=23, minutes=57), 2)):
        world.store.put_in_outbox([entry(period=str(at))])
        alerting.kept.answers = [REFUSED]
        alerting.dispatch.run(partial(datetime.__add__, midnight, at))
        assert [to for to, _ in alerting.kept.got] == ["hook"] * heard


def test_a_mail_that_may_have_arrived_is_not_sent_again(world: World, alerting: Alerting) -> None:
    world.store.put_in_outbox([entry()])
    alerting.kept.answers = [UNSURE]
    alerting.dispatch.run(now)
    assert states(world) == {"caretakers": OutboxState.UNSURE}
    assert alerting.dispatch.run(now) == []


def test_who_lost_the_claim_hands_nothing_over(world: World, alerting: Alerting) -> None:
    slow = Dispatch(world.store, alerting.kept.channel_for, "slow/1", CONSOLE, claim_seconds=-1)
    world.store.put_in_outbox([entry()])

    def channel_for(one: Recipient, secret: Secret | None) -> Channel:
        alerting.dispatch.run(now)  # its claim ran out meanwhile
        return alerting.kept.channel_for(one, secret)

    slow = Dispatch(world.store, channel_for, "slow/1", CONSOLE, claim_seconds=-1)
    slow.run(now)
    assert len(alerting.kept.got) == 1
    assert states(world) == {"caretakers": OutboxState.SENT}


def test_a_secret_that_cannot_be_opened_is_trouble_that_may_pass(
    world: World, alerting: Alerting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise SealBroken("sealed with another key", "Point at the key.")

    monkeypatch.setattr(world.store, "recipient_secret", broken)
    world.store.put_in_outbox([entry()])
    alerting.dispatch.run(now)
    assert world.store.outbox(9)[0].trouble == "sealed with another key"
    assert states(world) == {"caretakers": OutboxState.WAITING}


def test_a_recipient_that_was_removed_gets_nothing(world: World, alerting: Alerting) -> None:
    world.store.put_in_outbox([replace(entry(), recipient="hook")])
    world.store.remove_recipient("hook", world.occasion.event(AuditAction.SITE_CHANGED))
    assert alerting.dispatch.run(now) == []
