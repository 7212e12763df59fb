"""Calls that are refused: one line in the log, and a short answer. Never an event: a stranger could fill the store."""

import logging

from engage_server.links.ingress.call import Answer, Call
from engage_server.protocol.json_body import write_json
from engage_server.shown_text import shown_text

_log = logging.getLogger(__name__)
_SHOWN = 200


def refused(call: Call, status: int, reason: str, where: str, answer: str) -> Answer:
    """Log why a call is refused, and build its answer.

    Args:
        call: The call.
        status: The HTTP status.
        reason: For the log. Never a secret or a token.
        where: The link or address that was called. May be what the caller wrote.
        answer: What the caller reads.
    """
    shown = shown_text(where[:_SHOWN])
    _log.warning(
        "KPN: refused a call of %s to %s with %d: %s", call.address, shown, status, shown_text(reason[:_SHOWN])
    )
    return Answer(status, write_json({"error": answer}))


def unauthorized(call: Call, reason: str, where: str) -> Answer:
    """Refuse a call that is not proven. The answer is the same for an unknown device and for a wrong token."""
    return refused(call, 401, reason, where, "unauthorized")
