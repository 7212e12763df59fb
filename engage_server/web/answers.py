"""Every answer's form, in one place. Bodies are complete, so Content-Length is literal and nothing is chunked."""

from http import HTTPStatus

from flask import Response

Answer = Response

JSON = "application/json"
DER = "application/octet-stream"


def ok(body: bytes, content_type: str) -> Answer:
    """200 with a body."""
    return _answer(200, body, content_type)


def not_found() -> Answer:
    """404: there is nothing at this address."""
    return _answer(404, b'{"error":"not found"}')


def unauthorized() -> Answer:
    """401: not from this network.

    Not 403, after which some gateway firmware stops trying for good. RFC 9110 section 11.6.1 wants a challenge with a
    401, but there is no scheme that a device could answer to.
    """
    return _answer(401, b'{"error":"unauthorized"}')


def unavailable() -> Answer:
    """503: no release is current; a device tries again by itself."""
    return _answer(503, b'{"error":"no release to serve"}')


def failed() -> Answer:
    """500: a defect of ours."""
    return _answer(500, b'{"error":"internal error"}')


def _answer(status: int, body: bytes, content_type: str = JSON) -> Answer:
    return Response(body, status=f"{status} {HTTPStatus(status).phrase}", content_type=content_type)
