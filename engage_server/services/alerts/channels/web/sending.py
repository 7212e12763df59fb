"""Sends alerts to a webhook, to Slack or to Teams. They differ in the body, and in whether it is signed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from http.client import HTTPException

from engage_server import __version__
from engage_server.records import OutboxEntry, Secret
from engage_server.services.alerts.channel import TAKEN, Delivery, HandOver, Outcome
from engage_server.services.alerts.channels.web.posting import Answer, Reach, post
from engage_server.services.alerts.channels.web.signing import signed_fields
from engage_server.services.calling_out.reaching import AddressForbidden
from engage_server.services.calling_out.reasons import reason_of

WEBHOOK_SECONDS = 20.0
_LONGEST_WAIT = timedelta(days=1)
_ASKS_TO_WAIT = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """One webhook.

    Attributes:
        reach: How it is reached.
        body_of: Writes the body of an alert.
        keys: What signs it. Empty for Slack and Teams, which know us by their secret address.
        now: The clock.
    """

    reach: Reach
    body_of: Callable[[OutboxEntry], bytes]
    keys: Sequence[Secret]
    now: Callable[[], datetime]

    def send(self, entry: OutboxEntry, hand_over: HandOver) -> Delivery:
        """See :meth:`engage_server.services.alerts.channel.Channel.send`."""
        body = self.body_of(entry)
        try:
            answer = post(self.reach, lambda: self._fields(entry.id, body), body, hand_over)
        except AddressForbidden as error:
            return self._trouble(f"was not called: {error}", "If the receiver is inside, add it again with --inside.")
        except HTTPException:
            return self._trouble("did not answer with HTTP", "Check its address, and what answers there.")
        except (OSError, ValueError) as error:
            return self._trouble(f"does not answer: {reason_of(error)}", "Check the receiver, and the way to it.")
        return TAKEN if answer is None else self._delivery(answer)

    def _fields(self, message_id: str, body: bytes) -> Mapping[str, str]:
        usual = {"Content-Type": "application/json", "User-Agent": f"engage-server/{__version__}"}
        return usual | (signed_fields(self.keys, message_id, self.now(), body) if self.keys else {})

    def _delivery(self, answer: Answer) -> Delivery:
        status, said = answer.status, f"answered {_status_words(answer.status)}"
        if 200 <= status < 300:
            return Delivery(Outcome.SENT)
        if status == HTTPStatus.GONE:
            return self._trouble(said, "It wants no more alerts. Remove it, or add its new address.", Outcome.REFUSED)
        if 300 <= status < 400:
            return self._trouble(f"{said}, and no redirect is followed", "Add the address to which it leads.")
        if status in (401, 403, 404):
            return self._trouble(said, "Check its address at the receiver, and the signing key.")
        wait = answer.retry_seconds if status in _ASKS_TO_WAIT else None
        trouble = self._trouble(said, "Look at the receiver's log. Alerts are tried again. A test is not.")
        if wait is None:
            return trouble
        not_before = self.now() + min(timedelta(seconds=wait), _LONGEST_WAIT)
        return Delivery(trouble.outcome, trouble.why, not_before, trouble.fix)

    def _trouble(self, what: str, fix: str, outcome: Outcome = Outcome.AGAIN) -> Delivery:
        return Delivery(outcome, f"{self.reach.target.shown} {what}", fix=fix)


def _status_words(status: int) -> str:
    """Our own words for a status: the receiver's could hold anything."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
