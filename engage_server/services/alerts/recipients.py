"""Adds, tests and removes recipients of alerts, and says how each stands."""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from engage_server.errors import NotFound, UsageError
from engage_server.records import (
    Actor,
    AlertKind,
    AlertMark,
    AlertMessage,
    AuditAction,
    ChannelKind,
    Occasion,
    OutboxEntry,
    OutboxState,
    Recipient,
    Secret,
)
from engage_server.services.access.permissions import Act, assert_may
from engage_server.services.alerts.channel import Channel, Delivery, Outcome
from engage_server.services.alerts.channels.terms import ChannelTerms
from engage_server.services.alerts.wording import harmless
from engage_server.store.interface import AlertStore, AuditStore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TESTED = "tested"  # the topic of a mark
_NEWEST = 300  # entries of the outbox that are looked through: an entry holds a whole mail
_SHOWN_AS = {ChannelKind.MAIL: "to", ChannelKind.COMMAND: "program"}

MakesChannel = Callable[[Recipient, Secret | None], Channel]


class RecipientsStore(AlertStore, AuditStore, Protocol):
    """The part of the store that recipients need."""


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """A recipient that an operator asks for. ``sites`` and ``kinds`` are those of :class:`Recipient`."""

    name: str
    channel: ChannelKind
    sites: tuple[str, ...] | None = None
    kinds: tuple[AlertKind, ...] = ()


@dataclass(frozen=True, slots=True)
class RecipientStanding:
    """How a recipient stands.

    Attributes:
        recipient: The recipient.
        sent_at: When an alert last reached it, as far as the newest entries of the outbox say. None: not lately.
        waiting: How many alerts wait for it.
        trouble_at: When the newest alert was made that met trouble. None: none did.
        trouble: What trouble. "" for none.
        tested_at: When somebody last sent a test. None: nobody did.
        test: How that ended: the outcome, and why. "" for none.
    """

    recipient: Recipient
    sent_at: datetime | None = None
    waiting: int = 0
    trouble_at: datetime | None = None
    trouble: str = ""
    tested_at: datetime | None = None
    test: str = ""


class Recipients:
    """Where alerts go.

    Args:
        store: The store.
        makes_channel: Makes the channel of a recipient.
    """

    def __init__(self, store: RecipientsStore, makes_channel: MakesChannel) -> None:
        self._store = store
        self._makes_channel = makes_channel

    def add(self, asked: NewRecipient, terms: ChannelTerms, acting: Actor, occasion: Occasion) -> Recipient:
        """Add one.

        Args:
            asked: Who gets which alerts.
            terms: How they reach it.
            acting: Who adds it. Nobody but the command line may let a program run.
            occasion: Who and when, for the audit log.

        Raises:
            UsageError: The name cannot be used.
            Refused: This actor may not (``access.command_line_only``, ``access.role``).
            Conflict: The name is taken.
        """
        assert_may(acting, Act.ALERT_CHANGE)
        if asked.channel is ChannelKind.COMMAND:
            assert_may(acting, Act.ALERT_COMMAND_SET)
        if not _NAME.fullmatch(asked.name):
            raise UsageError(
                f"'{asked.name}' cannot be a recipient's name",
                "Use letters, digits, '.', '_' and '-', at most 64. Begin with a letter or digit.",
                code="alert.name",
            )
        recipient = Recipient(asked.name, asked.channel, terms.shown, asked.sites, asked.kinds, occasion.now)
        event = occasion.event(
            AuditAction.ALERT_RECIPIENT_ADDED,
            recipient=asked.name,
            channel=asked.channel.value,
            to=shown_address(recipient),
            sites="all" if asked.sites is None else ", ".join(asked.sites),
            kinds=", ".join(asked.kinds) or "all",
        )
        self._store.add_recipient(recipient, terms.secret, event)
        return recipient

    def get(self, name: str) -> Recipient:
        """Return one.

        Raises:
            NotFound: There is none of this name.
        """
        for each in self._store.recipients():
            if each.name == name:
                return each
        raise NotFound(f"there is no recipient '{name}'", "List them: engage alert list", code="alert.not_found")

    def secret(self, name: str) -> Secret | None:
        """Open the secret of one, for another recipient by the same mail server.

        Raises:
            NotFound: There is none of this name.
            SealBroken: It cannot be opened.
        """
        return self._store.recipient_secret(name)

    def all(self) -> Sequence[RecipientStanding]:
        """Return all of them, by name, and how each stands."""
        entries = self._store.outbox(_NEWEST)
        tests = {each.recipient: each for each in self._store.alert_marks() if each.topic == _TESTED}
        return [
            _standing(each, [entry for entry in entries if entry.recipient == each.name], tests.get(each.name))
            for each in self._listed()
        ]

    def test(self, name: str, occasion: Occasion) -> Delivery:
        """Send a test alert now. One that arrives switches its recipient on again.

        The entry of the audit log is written before: a database that is away stops the test.

        Raises:
            NotFound: There is no such recipient.
            SealBroken: Its secret cannot be opened.
            UsageError: What is stored of it cannot be used.
        """
        recipient = self.get(name)
        message = _test_message(recipient)
        delivery = self._send(recipient, message, occasion, AuditAction.ALERT_RECIPIENT_TESTED)
        self._keep(name, delivery, occasion.now)
        if delivery.outcome is Outcome.SENT and recipient.off_since is not None:
            self._store.switch_recipient_on(name)
        return delivery

    def _keep(self, name: str, delivery: Delivery, now: datetime) -> None:
        """Let the list say that it was tested. If two tests end at once, one of them is listed."""
        marks = self._store.alert_marks()
        mark = next(
            (each for each in marks if (each.topic, each.recipient) == (_TESTED, name)), AlertMark(_TESTED, "", name)
        )
        ended = f"{delivery.outcome.value}: {harmless(delivery.why)}" if delivery.why else delivery.outcome.value
        self._store.put_in_outbox([], [replace(mark, value={"at": now.isoformat(), "ended": ended})])

    def send(self, name: str, message: AlertMessage, occasion: Occasion) -> Delivery:
        """Send what somebody asked for now, beside the outbox: the mail of the next morning comes anyway.

        Raises:
            As :meth:`test`.
        """
        return self._send(self.get(name), message, occasion, AuditAction.ALERT_MAIL_SENT)

    def _send(self, recipient: Recipient, message: AlertMessage, occasion: Occasion, action: AuditAction) -> Delivery:
        channel = self._makes_channel(recipient, self._store.recipient_secret(recipient.name))
        self._store.record(occasion.event(action, recipient=recipient.name))
        return channel.send(_entry_now(recipient, message, occasion.now), lambda: True)

    def remove(self, name: str, occasion: Occasion) -> None:
        """Remove one, its secret, and what waits for it.

        Raises:
            NotFound: There is no such recipient.
        """
        self._store.remove_recipient(name, occasion.event(AuditAction.ALERT_RECIPIENT_REMOVED, recipient=name))

    def _listed(self) -> Sequence[Recipient]:
        return self._store.recipients()


def shown_address(recipient: Recipient) -> str:
    """Where alerts go, without anything secret: an address, a host, or a program."""
    return recipient.terms.get(_SHOWN_AS.get(recipient.channel, "host"), "")


def _standing(recipient: Recipient, entries: Sequence[OutboxEntry], test: AlertMark | None) -> RecipientStanding:
    """How one stands by its entries, the newest first."""
    sent = [each.ended_at for each in entries if each.state is OutboxState.SENT and each.ended_at is not None]
    troubled = next((each for each in entries if each.trouble), None)
    return RecipientStanding(
        recipient,
        max(sent, default=None),
        sum(each.ended_at is None for each in entries),
        troubled.made_at if troubled else None,
        troubled.trouble if troubled else "",
        datetime.fromisoformat(str(test.value["at"])) if test is not None and test.value is not None else None,
        str(test.value["ended"]) if test is not None and test.value is not None else "",
    )


def _test_message(recipient: Recipient) -> AlertMessage:
    text = (
        f"This is a test of the alert recipient {recipient.name}.\n\n"
        "Somebody sent it with: engage alert test\nNothing needs to be done.\n"
    )
    return AlertMessage(AlertKind.TEST, f"engage-server: test alert for {recipient.name}", text)


def _entry_now(recipient: Recipient, message: AlertMessage, now: datetime) -> OutboxEntry:
    number = f"msg_{secrets.token_hex(16)}"
    return OutboxEntry(
        number, recipient.name, "", f"{now:%Y-%m-%dT%H:%M:%S}", message, OutboxState.CLAIMED, 1, 1, now, now
    )
