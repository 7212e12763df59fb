"""Says that the store is away. The outbox lives in the store, so this is sent without it, from memory.

It is sent once for an outage, by each host that notices it: hosts cannot agree without the store. A process that
starts while the store is away knows no recipients, and says nothing. Prometheus' rule on ``engage_store_up`` does.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.errors import EngageError, StoreNotUsable
from engage_server.records import AlertKind, AlertMessage, Recipient, Secret
from engage_server.services.alerts.addressing import entries_for, entry_for, wants
from engage_server.services.alerts.at_once.conditions import message_of
from engage_server.services.alerts.channel import Outcome
from engage_server.services.alerts.dispatch import ChannelFor, pause_before
from engage_server.services.alerts.wording import harmless
from engage_server.store.interface import OutboxStore, RecipientStore


class AwayStore(RecipientStore, OutboxStore, Protocol):
    """The part of the store that this needs."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A recipient with its secret, while the store cannot say either."""

    recipient: Recipient
    secret: Secret | None
    attempts: int = 0
    due: datetime | None = None
    is_over: bool = False
    has_heard: bool = False


class StoreAway:
    """Watches whether the store answers. Used by one thread.

    Args:
        store: Gives the store. Raises EngageError while it cannot be opened.
        channel_for: Makes the way to a recipient.
        host: The name of this host.
        after: How long the store is away before anybody hears of it.
        address: The URL of the console.
        log: Called with a sentence about each attempt.
    """

    def __init__(
        self,
        store: Callable[[], AwayStore],
        channel_for: ChannelFor,
        host: str,
        after: timedelta,
        address: str,
        log: Callable[[str], None],
    ) -> None:
        self._store = store
        self._channel_for = channel_for
        self._host = host
        self._after = after
        self._address = address
        self._log = log
        self._known: list[_Known] = []
        self._since: datetime | None = None

    def run(self, now: datetime) -> None:
        """Ask the store once, and say what has to be said.

        Raises:
            EngageError: The store cannot be opened, for a reason that is not that it is away.
        """
        try:
            store = self._store()
            recipients = store.recipients()
        except StoreNotUsable as error:
            self._away(error, now)
            return
        if self._since is not None:
            self._back(store, recipients, now)
        self._known = [
            _Known(each, self._secret(store, each)) for each in recipients if wants(each, AlertKind.STORE_AWAY)
        ]

    def _secret(self, store: AwayStore, recipient: Recipient) -> Secret | None:
        """Its secret, read again only if the recipient is another one."""
        for known in self._known:
            if known.recipient == recipient:
                return known.secret
        with suppress(EngageError):
            return store.recipient_secret(recipient.name)
        return None

    def _away(self, error: StoreNotUsable, now: datetime) -> None:
        self._since = self._since or now
        if now - self._since < self._after:
            return
        is_other = error.code == "store.replaced"
        trouble = "is not this installation's" if is_other else "does not answer"
        what = f"{self._host}: the database {trouble} since {self._since:%Y-%m-%d %H:%M} UTC: {error.sentence}"
        why = "Devices are served from memory meanwhile, and what they do is kept on this host."
        lines = [why, f"Do: {error.next_step}", "This is said once for each outage."]
        message = message_of(AlertKind.STORE_AWAY, what, lines, f"{self._address}/")
        self._known = [self._tried(each, message, self._since, now) for each in self._known]

    def _tried(self, known: _Known, message: AlertMessage, since: datetime, now: datetime) -> _Known:
        if known.is_over or (known.due is not None and now < known.due):
            return known
        entry = entry_for(known.recipient, message, "", f"{self._host[:24]} {since.isoformat()}", now)
        try:
            delivery = self._channel_for(known.recipient, known.secret).send(entry, lambda: True)
        except EngageError as error:
            self._log(f"alert to {known.recipient.name} about the database: {error.sentence}")
            return replace(known, is_over=True)
        self._log(
            f"alert to {known.recipient.name} about the database: {delivery.outcome.value} {harmless(delivery.why)}"
        )
        attempts = known.attempts + 1
        is_over = delivery.outcome is not Outcome.AGAIN
        has_heard = delivery.outcome in (Outcome.SENT, Outcome.UNSURE)
        pause = timedelta(seconds=pause_before(attempts, delivery.not_before, now))
        return replace(known, attempts=attempts, due=now + pause, is_over=is_over, has_heard=has_heard)

    def _back(self, store: AwayStore, recipients: Sequence[Recipient], now: datetime) -> None:
        """Say to those who heard of it that it is over."""
        since, heard = self._since or now, {each.recipient.name for each in self._known if each.has_heard}
        what = f"Over: {self._host}: the database answers again"
        lines = [f"It did not answer from {since:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC. There is nothing to do."]
        message = message_of(AlertKind.STORE_AWAY, what, lines, f"{self._address}/")
        told = [each for each in recipients if each.name in heard]
        store.put_in_outbox(entries_for(told, message, "", f"{self._host[:24]} {since.isoformat()}", now))
        self._since = None
