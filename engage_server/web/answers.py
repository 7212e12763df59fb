"""The form of every answer. Bodies are complete, so Content-Length is always set and nothing is chunked."""

from http import HTTPStatus

from flask import Response

from engage_server.services.call_in.call import CallAnswer

Answer = Response

JSON = "application/json"
DER = "application/octet-stream"


def ok(body: bytes, content_type: str) -> Answer:
    """200 with a body."""
    return _answer(200, body, content_type)


def not_found() -> Answer:
    """404: nothing exists at this address."""
    return _answer(404, b'{"error":"not found"}')


def unauthorized() -> Answer:
    """401: this network may not call.

    Not 403: after that, some gateway firmware stops trying for good. RFC 9110 section 11.6.1 requires a challenge with
    a 401, but there is no scheme that a device could answer.
    """
    return _answer(401, b'{"error":"unauthorized"}')


def unavailable() -> Answer:
    """503: no release is current. A device retries by itself."""
    return _answer(503, b'{"error":"no release to serve"}')


def of_call(call: CallAnswer) -> Answer:
    """Build the answer to a call-in. An answer without a body has Content-Length 0 and no Content-Type."""
    answer = _answer(call.status, call.body)
    if not call.body:
        del answer.headers["Content-Type"]
    if call.retry_seconds is not None:
        answer.headers["Retry-After"] = str(call.retry_seconds)
    if call.last_connected:
        answer.headers["X-Device-Last-Connected"] = call.last_connected
    return answer


def failed() -> Answer:
    """500: a defect of ours."""
    return _answer(500, b'{"error":"internal error"}')


def _answer(status: int, body: bytes, content_type: str = JSON) -> Answer:
    return Response(body, status=f"{status} {_phrase(status)}", content_type=content_type)


def _phrase(status: int) -> str:
    """Return the reason phrase. A partner's system may use any status, and then it is empty.

    RFC 9112 section 4 allows that, but the space in front of it must stay.
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
