"""What to say when a file or folder cannot be used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engage_server.errors import FileNotUsable

RESTORE = "Restore it from its backup."  # the next step if something is lost


@contextmanager
def explained(path: Path, to_do: str) -> Iterator[None]:
    """Turn an OSError into a sentence with the path in it.

    Args:
        path: The path that the reader knows, not that of a temporary file beside it.
        to_do: What could not be done: ``write it``.

    Raises:
        FileNotUsable: It could not be done.
    """
    try:
        yield
    except OSError as error:
        raise FileNotUsable(f"{path}: cannot {to_do}: {error.strerror or error}", what_to_do(error)) from None


def what_to_do(error: OSError) -> str:
    """Return the next step after an error with a file. Without the permission, another user must run the command."""
    if isinstance(error, PermissionError) and os.geteuid() != 0:
        return "Run the command as a user who has the permission, such as root."
    return "Fix that and run the command again."
