"""Sends one request with a body to a webhook, within its time limit. No redirect is followed, no proxy is used.

Only the status and one header field of the answer are read. Its body is never read, so its length does not matter.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection

from engage_server.records.address import IPAddress
from engage_server.services.alerts.channel import HandOver
from engage_server.services.alerts.channels.web.allowed_addresses import why_forbidden
from engage_server.services.alerts.channels.web.target import Target
from engage_server.services.calling_out.deadline import FinalResponse, deadline
from engage_server.services.calling_out.reaching import reach, secured

_MAX_RETRY_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered.

    Attributes:
        status: The HTTP status.
        retry_seconds: After how many seconds to call again, if it said so (Retry-After, RFC 9110 section 10.2.3). A
            date counts as nothing, because it is not known whose clock is right.
    """

    status: int
    retry_seconds: int | None


@dataclass(frozen=True, slots=True)
class Reach:
    """How a receiver is reached.

    Attributes:
        target: Where it is.
        trust: Whom to trust for TLS.
        may_be_inside: Whether it may be in a private network or on this machine.
        seconds: The time limit of the whole request.
    """

    target: Target
    trust: ssl.SSLContext
    may_be_inside: bool
    seconds: float


class _ReadyConnection(HTTPConnection):
    """Speaks on a connection that is there already, and never makes another one."""

    response_class = FinalResponse
    auto_open = 0


def post(to: Reach, fields: Callable[[], Mapping[str, str]], body: bytes, hand_over: HandOver) -> Answer | None:
    """Send a request.

    Args:
        to: The receiver.
        fields: Gives the header fields, right before they are sent.
        body: The body.
        hand_over: As in :meth:`engage_server.services.alerts.channel.Channel.send`.

    Returns:
        What was answered. None if somebody else has the alert: then nothing was sent.

    Raises:
        OSError: There is no answer. It may have arrived anyway.
        HTTPException: The answer is not HTTP.
    """
    target = to.target

    def judge(address: IPAddress) -> str:
        return why_forbidden(address, may_be_inside=to.may_be_inside)

    with deadline(to.seconds) as seconds:
        connection = reach(target.host.text, target.port, seconds, judge)
        ready = _ReadyConnection(target.host.text, target.port)
        try:
            ready.sock = secured(connection, target.host.text, to.trust) if target.is_secure else connection
            if not hand_over():
                return None
            ready.request("POST", target.path, body, {"Host": target.shown, **fields()})
            response = ready.getresponse()
            return Answer(response.status, _retry_seconds(response.getheader("Retry-After", "")))
        finally:
            ready.close()
            connection.close()


def _retry_seconds(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_RETRY_DIGITS else None
