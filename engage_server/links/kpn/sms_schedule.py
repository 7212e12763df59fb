"""When KPN's network tries to deliver an SMS: the document's schedule ("SMS downlink communication").

The document contradicts itself. Its four spans add up to 49 hours and 5 minutes. Yet it says that the network discards
an SMS after 48 hours. So the last retry of the schedule never happens.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.services.kpn_devices.register import SMS_KEPT_FOR

SENDER = "5277"
DISCARDED_AFTER = SMS_KEPT_FOR

# the document's words, how long each span lasts, and how often the network tries in it
SPANS = (
    ("first 5 minutes: every minute", timedelta(minutes=5), timedelta(minutes=1)),
    ("next hour: every 10 minutes", timedelta(hours=1), timedelta(minutes=10)),
    ("next 12 hours: every hour", timedelta(hours=12), timedelta(hours=1)),
    ("next 36 hours: every 4 hours", timedelta(hours=36), timedelta(hours=4)),
)
WHOLE_SCHEDULE = sum((lasts for _, lasts, _ in SPANS), timedelta())


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt.

    Attributes:
        number: 0 for the first attempt, then 1, 2, 3 ... for retries.
        at: When. Aware, UTC.
        span: The document's words for the span that it lies in; "" for the first attempt.
        happens: False if the network has discarded the SMS by then.
    """

    number: int
    at: datetime
    span: str
    happens: bool


def sms_attempts(begun: datetime) -> tuple[Attempt, ...]:
    """Return all attempts of the schedule, for a device that is never connected.

    Args:
        begun: When the first attempt was made.
    """
    return tuple(
        Attempt(number, begun + after, span, after < DISCARDED_AFTER)
        for number, (after, span) in enumerate([(timedelta(), ""), *_retries()])
    )


def fails_at(begun: datetime) -> datetime:
    """Return when KPN reports the SMS as FAILED."""
    return begun + DISCARDED_AFTER


def has_failed(begun: datetime, at: datetime) -> bool:
    """Whether the SMS has failed by this time, if no attempt reached the device."""
    return at >= fails_at(begun)


def _retries() -> Iterator[tuple[timedelta, str]]:
    end = timedelta()
    for span, lasts, every in SPANS:
        begin, end = end, end + lasts
        yield from ((begin + every * count, span) for count in range(1, lasts // every + 1))
