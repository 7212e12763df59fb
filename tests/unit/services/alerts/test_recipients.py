"""Who may say where alerts go, and what a test does."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from engage_server.errors import Refused, UsageError
from engage_server.records import Actor, ActorKind, ChannelKind, Grant, Occasion, OutboxEntry, Role, Secret
from engage_server.services.alerts.channel import Delivery, Outcome
from engage_server.services.alerts.channels.terms import ChannelTerms
from engage_server.services.alerts.recipients import NewRecipient, Recipients
from tests.support.chains import NOW
from tests.support.stored import audit_events
from tests.support.world import World

OCCASION = Occasion("anna", NOW)
TERMS = ChannelTerms({"host": "hooks.example.org"}, Secret(b"canary-of-an-address"))
SHELL = Actor("root", ActorKind.COMMAND_LINE)
ADMIN = Actor("anna", ActorKind.PERSON, Grant(Role.ADMIN))


class Answering:
    """A channel that ends as it is told."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.got: list[OutboxEntry] = []

    def send(self, entry: OutboxEntry, hand_over: Callable[[], bool]) -> Delivery:
        """See Channel."""
        assert hand_over()
        self.got.append(entry)
        return Delivery(self.outcome, "" if self.outcome is Outcome.SENT else "no")


def recipients(world: World, channel: Answering | None = None) -> Recipients:
    return Recipients(world.store, lambda _recipient, _secret: channel or Answering(Outcome.SENT))


@pytest.mark.parametrize(
    ("who", "kind", "code"),
    [
        (ADMIN, ChannelKind.COMMAND, "access.command_line_only"),
        (replace(ADMIN, kind=ActorKind.TOKEN), ChannelKind.WEBHOOK, "access.people_only"),
        (replace(ADMIN, grant=Grant(Role.APPROVER)), ChannelKind.WEBHOOK, "access.role"),
        (replace(ADMIN, grant=Grant(Role.ADMIN, frozenset({"main"}))), ChannelKind.MAIL, "access.site"),
    ],
)
def test_who_may_not(world: World, who: Actor, kind: ChannelKind, code: str) -> None:
    with pytest.raises(Refused) as refused:
        recipients(world).add(NewRecipient("ops", kind), TERMS, who, OCCASION)
    assert refused.value.code == code
    assert not world.store.recipients()


@pytest.mark.parametrize(("who", "kind"), [(SHELL, ChannelKind.COMMAND), (ADMIN, ChannelKind.WEBHOOK)])
def test_who_may(world: World, who: Actor, kind: ChannelKind) -> None:
    recipients(world).add(NewRecipient("ops", kind), TERMS, who, OCCASION)
    assert world.store.recipient_secret("ops") == TERMS.secret
    (event,) = (each for each in audit_events(world.store) if each.action.startswith("alert:"))
    assert event.facts["recipient"] == "ops"
    assert "canary" not in str(event)


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 65, "ä", "a\n", "a/b"])
def test_names(world: World, name: str) -> None:
    with pytest.raises(UsageError) as error:
        recipients(world).add(NewRecipient(name, ChannelKind.WEBHOOK), TERMS, ADMIN, OCCASION)
    assert error.value.code == "alert.name"


@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_test_that_arrives_switches_it_on(world: World, outcome: Outcome) -> None:
    channel = Answering(outcome)
    service = recipients(world, channel)
    service.add(NewRecipient("ops", ChannelKind.WEBHOOK), TERMS, ADMIN, OCCASION)
    world.store.switch_recipient_off("ops", NOW, "it was gone")
    assert service.test("ops", OCCASION).outcome is outcome
    assert (service.get("ops").off_since is None) is (outcome is Outcome.SENT)
    assert service.get("ops").off_why == ("" if outcome is Outcome.SENT else "it was gone")
    assert channel.got[0].id.startswith("msg_")
    assert not world.store.outbox(10), "a test stands beside the outbox"
    (listed,) = service.all()
    assert listed.tested_at == NOW
    assert listed.test == ("sent" if outcome is Outcome.SENT else f"{outcome.value}: no")
    service.remove("ops", OCCASION)
    service.add(NewRecipient("ops", ChannelKind.WEBHOOK), TERMS, ADMIN, OCCASION)
    assert service.all()[0].tested_at is None, "the list says nothing of one that was removed"
