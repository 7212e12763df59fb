"""What the operators' listener answers when the app is not asked, or fails: problems, as the app's own."""

from flask import Response

from engage_server.serving.worker.answers import wire
from engage_server.web import browser_guard, problems


def refusal(status: int) -> bytes:
    """Return the whole answer to bytes that are no request, or that cannot be answered now."""
    answer = _answer(status)
    answer.headers["Connection"] = "close"
    return wire.status_line(answer.status) + _rest(answer)


def failure() -> tuple[bytes, bytes]:
    """Return the status line, and header fields with body, for a request on which the app raised."""
    answer = _answer(500)
    return wire.status_line(answer.status), _rest(answer)


def _answer(status: int) -> Response:
    return browser_guard.with_fields(problems.of_status(status))


def _rest(answer: Response) -> bytes:
    return wire.fields(answer.headers) + answer.get_data()
