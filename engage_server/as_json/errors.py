"""What went wrong."""

from typing import Any

from engage_server.errors import EngageError


def error_json(error: EngageError) -> dict[str, Any]:
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
