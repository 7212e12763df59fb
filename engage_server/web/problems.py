"""Problems of the operators' listener in the form of RFC 9457: what happened, a stable code, and what to do next.

Device listeners never send one: devices get the short JSON of :mod:`engage_server.web.answers`.
"""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

from flask import Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from engage_server.errors import (
    Conflict,
    EngageError,
    NotFound,
    NotPossible,
    Refused,
    TooEarly,
    UpstreamAway,
    UsageError,
)

_log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
_RETRY_SECONDS = 5

# what HTTP itself refuses -> code, sentence, next step
_OF_HTTP: Mapping[int, tuple[str, str, str]] = {
    400: ("request.malformed", "the request cannot be read", "Correct its first line, its header or its body."),
    404: ("address.not_found", "nothing exists at this address", "Check the path."),
    405: ("request.method", "this address does not have that method", "Use one of the methods in the field Allow."),
    413: ("request.too_large", "the body is too large", "Send less."),
    414: ("request.target_too_long", "the address is too long", "Shorten the path and the query."),
    415: ("request.media_type", "the body has a type that is not read here", "Send application/json."),
    417: ("request.expectation", "the field Expect asks for something unknown", "Leave that field out."),
    431: ("request.header_too_large", "the header is too large", "Send fewer or shorter fields."),
    500: ("server.defect", "the request could not be answered", "See the log of the operators' instance."),
    501: ("request.transfer_coding", "the body has a transfer coding that is not read here", "Send it plain."),
    503: ("server.busy", "too many requests wait already", "Try again later."),
}
_OTHER = "request.refused"

# the first class that fits counts
_OF_ERRORS: tuple[tuple[type[EngageError], int], ...] = (
    (TooEarly, 429),
    (NotFound, 404),
    (Conflict, 409),
    (UsageError, 400),
    (Refused, 422),
    (UpstreamAway, 503),
    (NotPossible, 503),
)
NOT_POSSIBLE = "the server cannot do this now"
NOT_POSSIBLE_NEXT = "Try again later. The log of the operators' instance says what is in the way."
_NOT_SIGNED_IN = frozenset(f"token.{what}" for what in ("missing", "malformed", "wrong", "ended", "revoked"))
_MAY_NOT = "access."


def problem(
    status: int,
    code: str,
    sentence: str,
    next_step: str,
    *,
    fields: Mapping[str, str] | None = None,
    extension: Mapping[str, object] | None = None,
) -> Response:
    """Build a problem.

    Args:
        status: The number.
        code: Stable, ``thing.what``.
        sentence: What happened. It may be shown to anyone who got this far, so it has no secret.
        next_step: What the reader should do now.
        fields: Further header fields.
        extension: Further members, which RFC 9457 section 3.2 allows.
    """
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence,
        "code": code,
        "next_step": next_step,
        **(extension or {}),
    }
    line = f"{status} {HTTPStatus(status).phrase}"
    answer = Response(json.dumps(content), status=line, content_type=PROBLEM, headers=dict(fields or {}))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers.setdefault("Retry-After", str(_RETRY_SECONDS))
    return answer


def of_status(status: int) -> Response:
    """Build the problem for a status of HTTP itself. It repeats nothing that was sent."""
    other = (_OTHER, f"the request was refused: {HTTPStatus(status).phrase.lower()}", "Correct the request.")
    return problem(status, *_OF_HTTP.get(status, other))


def of_http_error(error: HTTPException) -> Response:
    """Build the problem for what routing or the reading of a request refused."""
    answer = of_status(error.code or 500)
    if isinstance(error, MethodNotAllowed):  # RFC 9110 section 15.5.6
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return answer


def status_of(error: EngageError) -> int:
    """The status that says what kind of error it is."""
    if _is_not_signed_in(error):
        return 401
    if error.code.startswith(_MAY_NOT):
        return 403
    return next((status for kind, status in _OF_ERRORS if isinstance(error, kind)), 500)


def _is_not_signed_in(error: EngageError) -> bool:
    """Whether the caller's own token is missing or not good. Other errors about tokens have such codes, too."""
    return error.code in _NOT_SIGNED_IN


def log_if_not_possible(error: EngageError) -> None:
    """Write to the log what is in the way. Its sentence has paths, addresses and SQL of this host: no answer has it."""
    if isinstance(error, NotPossible):
        _log.warning("a request could not be answered: %s", error)


def of_error(error: EngageError) -> Response:
    """Build the problem for an error of a service."""
    status, fields = status_of(error), {}
    if _is_not_signed_in(error):
        fields = {"WWW-Authenticate": 'Bearer realm="engage"'}  # RFC 6750 section 3
    if isinstance(error, UpstreamAway) and error.retry_seconds is not None:
        fields["Retry-After"] = str(error.retry_seconds)
    if isinstance(error, NotPossible):
        log_if_not_possible(error)
        return problem(status, error.code, NOT_POSSIBLE, NOT_POSSIBLE_NEXT, fields=fields)
    return problem(status, error.code, error.sentence, error.next_step, fields=fields)
