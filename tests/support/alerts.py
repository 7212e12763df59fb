"""Recipients and entries of the outbox, for tests."""

import uuid

from engage_server.records import (
    AlertKind,
    AlertMessage,
    ChannelKind,
    OutboxEntry,
    OutboxState,
    Recipient,
)
from tests.support.chains import NOW


def recipient(name: str = "caretakers", channel: ChannelKind = ChannelKind.MAIL) -> Recipient:
    """One that gets everything about all sites."""
    terms = {"to": "care@example.org", "from": "engage@example.org", "server": "mail.example.org"}
    return Recipient(name, channel, terms, None, (), NOW)


def entry(to: str = "caretakers", period: str = "2026-11-27", kind: AlertKind = AlertKind.MORNING) -> OutboxEntry:
    """One that was just made."""
    message = AlertMessage(kind, "main: 3 doors at risk", "three doors\n", "", {"doors": 3})
    return OutboxEntry(f"msg_{uuid.uuid4().hex}", to, "", period, message, OutboxState.WAITING, 0, 0, NOW, NOW)
