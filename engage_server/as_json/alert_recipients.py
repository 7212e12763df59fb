"""Recipients of alerts. No password, key or secret address is ever in it."""

from engage_server.as_json.formats import Instant, Shape
from engage_server.records import AlertKind, ChannelKind, OutboxState
from engage_server.services.alerts.channel import Delivery, Outcome
from engage_server.services.alerts.recipients import RecipientStanding, shown_address
from engage_server.services.alerts.standing import AlertStanding


class RecipientJson(Shape):
    """Where alerts go."""

    recipient: str
    """The operator's name for it."""
    channel: ChannelKind
    """How alerts reach it."""
    to: str
    """Its mail address, the host of its webhook, or its program."""
    sites: list[str] | None
    """The sites that its alerts are about. Null: all of them."""
    kinds: list[AlertKind]
    """What its alerts are about. Empty: everything."""
    added_at: Instant
    """When it was added."""
    off_since: Instant | None
    """Since when nothing is sent to it, because it wants no alerts any more. Null: alerts are sent."""
    off_why: str
    """Why nothing is sent. Empty while alerts are sent."""
    waiting: int
    """How many alerts wait for it."""
    sent_at: Instant | None
    """When an alert last reached it. Null: none of the newest ones did."""
    trouble_at: Instant | None
    """When the newest alert was made that met trouble. Null: none did."""
    trouble: str
    """What trouble. Empty if there was none."""
    tested_at: Instant | None
    """When somebody last sent a test. Null: nobody did."""
    test: str
    """How that test ended. Empty if there was none."""


class DeliveryJson(Shape):
    """What came of a test alert."""

    recipient: str
    """Who should get it."""
    outcome: Outcome
    """Whether it was sent. Again: it may work later. Refused: it never will. Unsure: it may have arrived."""
    why: str
    """Why it was not sent. Empty if it was."""
    fix: str
    """What to do about it. Empty if nothing is to be done."""


class AlertStandingJson(Shape):
    """How alerts stand."""

    recipients: int
    """How many recipients there are."""
    off: list[str]
    """The recipients to which nothing is sent any more."""
    waiting: int
    """How many alerts are not sent yet."""
    oldest_waiting_seconds: float | None
    """How long the oldest of them has waited. Null: none waits."""
    given_up: int
    """How many were given up in the last 90 days."""
    unsure: int
    """How many may not have arrived, in the last 90 days."""
    trouble: str
    """Why the newest one that waits is not sent. Empty if none waits."""


def recipient_json(standing: RecipientStanding) -> RecipientJson:
    """A recipient, and how it stands."""
    of = standing.recipient
    return {
        "recipient": of.name,
        "channel": of.channel,
        "to": shown_address(of),
        "sites": None if of.sites is None else sorted(of.sites),
        "kinds": list(of.kinds),
        "added_at": of.added_at.isoformat(),
        "off_since": of.off_since.isoformat() if of.off_since else None,
        "off_why": of.off_why,
        "waiting": standing.waiting,
        "sent_at": standing.sent_at.isoformat() if standing.sent_at else None,
        "trouble_at": standing.trouble_at.isoformat() if standing.trouble_at else None,
        "trouble": standing.trouble,
        "tested_at": standing.tested_at.isoformat() if standing.tested_at else None,
        "test": standing.test,
    }


def delivery_json(name: str, delivery: Delivery) -> DeliveryJson:
    """What came of a test alert."""
    return {"recipient": name, "outcome": delivery.outcome, "why": delivery.why, "fix": delivery.fix}


def alert_standing_json(standing: AlertStanding) -> AlertStandingJson:
    """How alerts stand."""
    return {
        "recipients": len(standing.recipients),
        "off": [each.name for each in standing.recipients if each.off_since is not None],
        "waiting": standing.waiting,
        "oldest_waiting_seconds": standing.figures.oldest_seconds,
        "given_up": standing.figures.counts.get(OutboxState.GIVEN_UP, 0),
        "unsure": standing.figures.counts.get(OutboxState.UNSURE, 0),
        "trouble": standing.trouble,
    }
