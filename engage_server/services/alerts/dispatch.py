"""Sends what waits in the outbox. Any number of nodes do so at the same time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engage_server.errors import EngageError, NotFound
from engage_server.records import (
    AlertKind,
    AlertMark,
    AlertMessage,
    ChannelKind,
    OutboxEntry,
    OutboxState,
    Recipient,
    Secret,
)
from engage_server.services.alerts.addressing import entries_for
from engage_server.services.alerts.at_once.conditions import message_of
from engage_server.services.alerts.at_once.episodes import AGAIN_AFTER
from engage_server.services.alerts.channel import LONGEST_SEND_SECONDS, Channel, Delivery, Outcome
from engage_server.services.alerts.wording import harmless
from engage_server.store.interface import AlertStore

CLAIM_SECONDS = LONGEST_SEND_SECONDS + 60
MOST_IN_A_RUN = 100
LATE_AFTER = timedelta(minutes=30)
_PAUSES = (30.0, 60.0, 120.0, 300.0, 900.0, 1800.0)
_LONGEST_PAUSE = 3600.0
_LONGEST_ASKED = 6 * 3600.0  # a receiver that asks for more is asked again anyway
_KEPT_DAILY = timedelta(hours=23)  # the next morning's mail says what is true then
_KEPT = timedelta(days=3)
_DAILY = (AlertKind.MORNING, AlertKind.ALIVE)

ChannelFor = Callable[[Recipient, Secret | None], Channel]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one attempt.

    Attributes:
        entry: The entry, as it was stored.
        delivery: What the channel said.
    """

    entry: OutboxEntry
    delivery: Delivery


class Dispatch:
    """Sends what waits.

    Args:
        store: Holds the outbox and the recipients.
        channel_for: Makes the way to a recipient.
        holder: Who claims: ``host/pid``.
        address: The URL of the console.
        log: Called with a sentence about each attempt that did not succeed. No secret is in it.
        claim_seconds: For how long an entry is claimed. Shorter than an attempt can take, two nodes may send.
    """

    def __init__(
        self,
        store: AlertStore,
        channel_for: ChannelFor,
        holder: str,
        address: str,
        log: Callable[[str], None] = lambda sentence: None,
        claim_seconds: float = CLAIM_SECONDS,
    ) -> None:
        self._store = store
        self._channel_for = channel_for
        self._holder = holder
        self._address = address
        self._log = log
        self._claim_seconds = claim_seconds

    def run(self, now: Callable[[], datetime], recipient: str | None = None) -> list[Sent]:
        """Send what is due, one after another, and return what became of it.

        Each entry is claimed right before it is sent, so that a slow receiver holds up no other node. It does hold up
        the others in this run: see :class:`.lanes.Lanes`.

        Args:
            now: The clock.
            recipient: Only what is for this one. None: all.
        """
        done: list[Sent] = []
        while len(done) < MOST_IN_A_RUN:
            claimed = self._store.claim_from_outbox(self._holder, self._claim_seconds, 1, recipient)
            if not claimed:
                break
            done.append(self._send(claimed[0], now()))
        return done

    def _send(self, entry: OutboxEntry, now: datetime) -> Sent:
        recipients = self._store.recipients()
        recipient = next((each for each in recipients if each.name == entry.recipient), None)
        if recipient is None or recipient.off_since is not None:
            return self._give_up(entry, "the recipient is gone or off")
        age = self._store.outbox_clock() - entry.made_at
        if age > (_KEPT_DAILY if entry.message.kind in _DAILY else _KEPT):
            return self._give_up(entry, f"it waited too long: {entry.trouble or 'nothing was sent'}")
        turn = _Turn(self._store, entry, self._claim_seconds)
        delivery = self._delivery(recipient, _with_lateness(entry, age), turn)
        return self._end(turn.entry, delivery, recipients, recipient, now)

    def _delivery(self, recipient: Recipient, entry: OutboxEntry, turn: "_Turn") -> Delivery:
        try:
            channel = self._channel_for(recipient, self._store.recipient_secret(recipient.name))
        except NotFound:
            return Delivery(Outcome.AGAIN, "the recipient was removed")
        except EngageError as error:
            return Delivery(Outcome.AGAIN, error.sentence, fix=error.next_step)
        return channel.send(entry, turn.hand_over)

    def _end(
        self,
        entry: OutboxEntry,
        delivery: Delivery,
        recipients: Sequence[Recipient],
        recipient: Recipient,
        now: datetime,
    ) -> Sent:
        state = {
            Outcome.SENT: OutboxState.SENT,
            Outcome.UNSURE: OutboxState.UNSURE,
            Outcome.REFUSED: OutboxState.GIVEN_UP,
            Outcome.AGAIN: OutboxState.WAITING,
        }[delivery.outcome]
        ended = replace(entry, state=state, trouble=harmless(delivery.why))
        self._store.end_in_outbox(ended, pause_before(entry.attempts, delivery.not_before, now))
        if delivery.outcome is not Outcome.SENT:
            self._log(f"alert {entry.id} to {recipient.name}: {delivery.outcome.value}: {harmless(delivery.why)}")
        if delivery.outcome is Outcome.REFUSED:
            self._refused(recipient, delivery, recipients, now)
        return Sent(ended, delivery)

    def _refused(
        self, recipient: Recipient, delivery: Delivery, recipients: Sequence[Recipient], now: datetime
    ) -> None:
        """Switch a webhook off that refuses for good, and let the others know. A mail may have had a bad text only."""
        is_off = recipient.channel is not ChannelKind.MAIL
        why = harmless(delivery.why)
        if is_off and not self._store.switch_recipient_off(recipient.name, now, why):
            return
        what = f"alerts to {recipient.name} {'are switched off' if is_off else 'are refused'}: {why}"
        fix = [delivery.fix] if delivery.fix else []
        fix.append(f"Do: Remove it, or add it again: engage alert remove {recipient.name}")
        mark = self._said(recipient, now)
        if mark is None and not is_off:
            return
        message = message_of(AlertKind.RECIPIENT_OFF, what, fix, f"{self._address}/about")
        others = [each for each in recipients if each.name != recipient.name]
        period = f"{recipient.name[:40]} {now:%Y-%m-%dT%H:%M:%S}"
        self._store.put_in_outbox(entries_for(others, message, "", period, now), [mark] if mark is not None else [])

    def _said(self, recipient: Recipient, now: datetime) -> AlertMark | None:
        """The mark that this is said now. None if it was said less than a day ago: a mailbox may refuse each mail."""
        topic = AlertKind.RECIPIENT_OFF.value
        marks = (each for each in self._store.alert_marks() if (each.topic, each.recipient) == (topic, recipient.name))
        mark = next(marks, AlertMark(topic, recipient=recipient.name))
        said = datetime.fromisoformat(str(mark.value["said"])) if mark.value is not None else None
        if said is not None and now - said < AGAIN_AFTER:
            return None
        return replace(mark, value={"said": now.isoformat()})

    def _give_up(self, entry: OutboxEntry, why: str) -> Sent:
        ended = replace(entry, state=OutboxState.GIVEN_UP, trouble=harmless(why))
        self._store.end_in_outbox(ended)
        self._log(f"alert {entry.id} to {entry.recipient} is given up: {harmless(why)}")
        return Sent(ended, Delivery(Outcome.REFUSED, why))


class _Turn:
    """One attempt's right to an entry."""

    def __init__(self, store: AlertStore, entry: OutboxEntry, seconds: float) -> None:
        self.entry = entry
        self._store = store
        self._seconds = seconds

    def hand_over(self) -> bool:
        """Store that it may arrive from now on. False if somebody else has it."""
        handed = self._store.hand_over_in_outbox(self.entry, self._seconds)
        if handed is None:
            return False
        self.entry = handed
        return True


def pause_before(attempts: int, not_before: datetime | None, now: datetime) -> float:
    """How many seconds pass before the next attempt: half a minute first, and an hour in the end.

    Args:
        attempts: How many were made, at least one.
        not_before: What the receiver asked for. None: nothing.
        now: The time.
    """
    usual = _PAUSES[attempts - 1] if attempts <= len(_PAUSES) else _LONGEST_PAUSE
    asked = min((not_before - now).total_seconds(), _LONGEST_ASKED) if not_before is not None else 0.0
    return max(usual, asked)


def _with_lateness(entry: OutboxEntry, age: timedelta) -> OutboxEntry:
    """The entry, whose message says that it is late if it has waited."""
    message, late = entry.message, f"This alert is late. It was written {entry.made_at:%Y-%m-%d %H:%M} UTC."
    if age <= LATE_AFTER or message.subject.startswith("Late: "):
        return entry
    html = message.html.replace("<body>", f"<body><p>{late}</p>", 1)
    said = AlertMessage(message.kind, f"Late: {message.subject}", f"{late}\n{message.text}", html, message.facts)
    return replace(entry, message=said)
