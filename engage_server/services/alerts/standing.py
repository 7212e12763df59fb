"""How alerts stand: who gets them, what waits, and what is wrong. Pure, but for the reading of the store."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from engage_server.records import OutboxFigures, OutboxState, Recipient
from engage_server.services.alerts.wording import counted
from engage_server.store.interface import AlertStore

LONG_SECONDS = 3600.0
_WAITING = (OutboxState.WAITING, OutboxState.CLAIMED, OutboxState.HANDED_OVER)


@dataclass(frozen=True, slots=True)
class AlertStanding:
    """How they stand.

    Attributes:
        recipients: All of them.
        figures: How the outbox stands.
        trouble: Why the newest one that waits is not sent. "" if none waits, or nothing is known.
    """

    recipients: Sequence[Recipient] = ()
    figures: OutboxFigures = field(default_factory=lambda: OutboxFigures({}))
    trouble: str = ""

    @property
    def waiting(self) -> int:
        """How many alerts are not sent yet."""
        return sum(self.figures.counts.get(each, 0) for each in _WAITING)

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should act: an alert has waited for an hour, or a recipient is off."""
        return (self.figures.oldest_seconds or 0.0) > LONG_SECONDS or any(each.off_since for each in self.recipients)

    @property
    def sentence(self) -> str:
        """How they stand, in one sentence without its full stop."""
        if not self.recipients:
            return "nobody gets any"
        parts = [counted(len(self.recipients), "recipient")]
        if self.waiting:
            hours = (self.figures.oldest_seconds or 0.0) / 3600
            why = f": {self.trouble}" if self.trouble else ""
            parts.append(f"{self.waiting:,} not sent yet, the oldest for {hours:.1f} hours{why}")
        for state, words in ((OutboxState.GIVEN_UP, "given up"), (OutboxState.UNSURE, "may not have arrived")):
            if count := self.figures.counts.get(state, 0):
                parts.append(f"{count:,} {words} in the last 90 days")
        return ", ".join(parts)

    @property
    def faults(self) -> list[str]:
        """Who gets nothing any more, one sentence each."""
        return [
            f"nothing is sent to {each.name} since {each.off_since:%Y-%m-%d %H:%M} UTC: {each.off_why}"
            for each in self.recipients
            if each.off_since is not None
        ]


def alert_standing(store: AlertStore) -> AlertStanding:
    """Read it.

    Raises:
        StoreNotUsable: The database does not answer.
    """
    recipients = store.recipients()
    if not recipients:
        return AlertStanding()
    newest = store.outbox(1, only_waiting=True)
    return AlertStanding(recipients, store.outbox_figures(), newest[0].trouble if newest else "")
