"""What every channel promises to the outbox: one attempt, one outcome, and a word before the step of no return."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from engage_server.records import OutboxEntry

HandOver = Callable[[], bool]

LONGEST_SEND_SECONDS = 150.0
"""No attempt takes longer, so a claim that lasts longer is never lost to somebody else meanwhile."""


class Outcome(StrEnum):
    """How an attempt to send an alert ended."""

    SENT = "sent"
    AGAIN = "again"  # trouble that may pass
    REFUSED = "refused"  # for good: this receiver wants no alert any more, so it is switched off, or the alert given up
    UNSURE = "unsure"  # it was handed over, and no answer came: the receiver may have it


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of one attempt.

    Attributes:
        outcome: How it ended.
        why: Why it was not sent, in one sentence without any secret. "" if it was.
        not_before: The receiver asked not to be called before this time. None: it asked for nothing.
        fix: What an operator can do about it, in one sentence. "" if nothing is to be done.
    """

    outcome: Outcome
    why: str = ""
    not_before: datetime | None = None
    fix: str = ""


class Channel(Protocol):
    """One way to one recipient. It may be used by one thread at a time."""

    def send(self, entry: OutboxEntry, hand_over: HandOver) -> Delivery:
        """Try once to send an alert. Trouble with the receiver is an outcome, never an exception.

        Args:
            entry: The alert. Its ``id`` is sent with it, the same in each attempt.
            hand_over: Called once, right before the step that cannot be taken back. It stores that this step begins.
                If it returns False, somebody else has the entry: nothing is sent, and the outcome is ``AGAIN``. What
                it raises is passed on, and nothing is sent either.
        """


TAKEN = Delivery(Outcome.AGAIN, "another instance sends this alert")
"""What a channel returns when ``hand_over`` said no."""
