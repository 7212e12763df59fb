"""What went wrong."""

from engage_server.as_json.formats import Shape
from engage_server.errors import EngageError


class ErrorJson(Shape):
    """What went wrong. It never holds a secret."""

    code: str
    """Stable, for scripts."""
    sentence: str
    """What happened, and to what."""
    next_step: str
    """What to do now. Empty: there is nothing to add."""
    exit_status: int
    """The exit status of the command."""


class FailureJson(Shape):
    """The answer in place of the one that was asked for."""

    error: ErrorJson
    """What went wrong."""


def error_json(error: EngageError) -> FailureJson:
    """An error, in place of the report that was asked for.

    Args:
        error: The error; its texts never hold a secret.
    """
    return {
        "error": {
            "code": error.code,
            "sentence": error.sentence,
            "next_step": error.next_step,
            "exit_status": error.exit_status,
        }
    }
