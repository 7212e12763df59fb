"""What people are alerted to, where it is sent, and what waits to be sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ChannelKind(StrEnum):
    """How an alert reaches its recipient. Values are stored: never rename one."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    COMMAND = "command"

    @property
    def may_repeat(self) -> bool:
        """Whether what may have arrived is sent again. Its id is the same then, so that the receiver can drop it."""
        return self is not ChannelKind.MAIL


class AlertKind(StrEnum):
    """What an alert is about. Values are stored: never rename one."""

    MORNING = "morning"
    ALIVE = "alive"  # one line each Monday: nothing else would tell silence from failure
    ROTATION_HELD = "rotation_held"
    ROTATION_TURNED_BACK = "rotation_turned_back"
    APPROVED_ALONE = "approved_alone"
    BREAK_GLASS = "break_glass"
    AUDIT_LOG_BROKEN = "audit_log_broken"
    DRILL_FAILED = "drill_failed"
    NOBODY_CALLED = "nobody_called"
    HOST_SILENT = "host_silent"
    STORE_AWAY = "store_away"
    RECIPIENT_OFF = "recipient_off"  # a receiver refused for good: the others hear of it
    TEST = "test"


class OutboxState(StrEnum):
    """How far the delivery of an alert is. Values are stored: never rename one."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    HANDED_OVER = "handed_over"  # what comes now cannot be taken back: it may arrive
    SENT = "sent"
    UNSURE = "unsure"  # a mail that may have been accepted before the sender ended: it is never sent again
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where alerts go. Its secret (password, signing key, or address with a token) is kept apart, sealed.

    Attributes:
        name: Unique, such as ``caretakers``.
        channel: How alerts reach it.
        terms: What the channel needs and may be shown, as text: for mail ``to``, ``from``, ``server``, ``user``,
            ``encryption``.
        sites: The sites that its alerts are about. None: all of them, also later ones.
        kinds: What its alerts are about. Empty: everything.
        added_at: Aware, UTC.
        off_since: Since when nothing is sent, because the receiver refused for good. None: alerts are sent.
        off_why: Why, in one sentence. "" while alerts are sent.
    """

    name: str
    channel: ChannelKind
    terms: Mapping[str, str]
    sites: tuple[str, ...] | None
    kinds: tuple[AlertKind, ...]
    added_at: datetime
    off_since: datetime | None = None
    off_why: str = ""


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """What an alert says. No secret is in it.

    Attributes:
        kind: What it is about.
        subject: One line that says all. May hold names that strangers chose: a channel escapes them.
        text: Plain text. Lines end with a line feed.
        html: The same as a page without images, styles from elsewhere, or scripts. "" where text is enough.
        facts: The same for programs: what JSON can hold.
    """

    kind: AlertKind
    subject: str
    text: str
    html: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One alert on its way to one recipient.

    Attributes:
        id: Sent with it, the same each time, so that receivers can drop repetitions. ``msg_`` and 32 hex digits.
        recipient: The name of its recipient.
        site: The name of its site. "" for an alert about the installation or several sites.
        period: What makes it unique together with kind, site and recipient: a date such as ``2026-11-27``, or
            ``rotation 7 step 2``.
        message: What it says.
        state: How far it is.
        version: It grows with each change. Who changes the row names the version that they know.
        attempts: How often sending was begun.
        due_at: Not before.
        made_at: When it was put here.
        ended_at: When it was sent or given up.
        trouble: Why the last attempt failed. "" if it did not.
    """

    id: str
    recipient: str
    site: str
    period: str
    message: AlertMessage
    state: OutboxState
    version: int
    attempts: int
    due_at: datetime
    made_at: datetime
    ended_at: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class AlertMark:
    """What all nodes remember of what was said: how far the audit log was read, or what lasts since when.

    Attributes:
        topic: What it is of, such as ``audit`` or ``rotation_held``.
        about: The site or the time zone that it is about. "" for none.
        recipient: Whose it is. "" for all of them.
        value: What JSON can hold. None, to remove it.
        version: It grows with each change. 0: it is not there yet.
    """

    topic: str
    about: str = ""
    recipient: str = ""
    value: Mapping[str, object] | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class OutboxFigures:
    """How the outbox stands.

    Attributes:
        counts: How many entries there are of each state. A state without any is left out.
        oldest_seconds: How long the oldest one has waited that is not ended. None: none waits.
    """

    counts: Mapping[OutboxState, int]
    oldest_seconds: float | None = None
