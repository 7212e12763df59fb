"""Checks the data folder: whether the service can write to it, and whether it is still the same folder."""

import os
from pathlib import Path

from engage_server.errors import FileNotUsable
from engage_server.files import make_folder
from engage_server.settings import Settings

GONE = "data.gone"


def assert_data_usable(settings: Settings) -> None:
    """Find at the start that a folder cannot be written, not when the first device calls.

    Raises:
        FileNotUsable: A folder does not exist and cannot be made, or this user may not write to it.
    """
    for folder in (settings.data_dir, settings.spool_dir, settings.metrics_dir):
        make_folder(folder)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise FileNotUsable(
                f"{folder}: this user may not write to it, so what devices do could not be recorded",
                f"Run the service as the owner of {settings.data_dir}, or give the folder to this user: chown -R.",
            )


class DataFolder:
    """Notices when the data folder is removed or exchanged while the service runs.

    Devices are served from memory and notice nothing. But what they do is not recorded, and a restart would find no
    installation.

    Args:
        path: The folder, which must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _identity(path)

    def trouble(self) -> str:
        """Say what happened to the folder. "" while it is the same."""
        found = _identity(self._path)
        if found is not None and found == self._known:
            return ""
        if found is None:
            return f"the data folder {self._path} is gone: devices are served from memory, and nothing is recorded"
        return (
            f"the data folder {self._path} is not the one that this process started with: devices are served from "
            "memory. Restart the service once the right folder is there"
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
