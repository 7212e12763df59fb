"""The folder of data: whether a service can keep there what devices do, and whether it is still the same one."""

import os
from pathlib import Path

from engage_server.errors import FileNotUsable
from engage_server.files import make_folder
from engage_server.settings import Settings

GONE = "data.gone"


def assert_data_usable(settings: Settings) -> None:
    """Find now that nothing could be written there, not when the first device calls.

    Raises:
        FileNotUsable: A folder is not there and cannot be made, or this user may not write in it.
    """
    for folder in (settings.data_dir, settings.spool_dir, settings.metrics_dir):
        make_folder(folder)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise FileNotUsable(
                f"{folder}: this user may not write in it, so what devices do could not be kept",
                f"Run the service as the owner of {settings.data_dir}, or give the folder to this user: chown -R.",
            )


class DataFolder:
    """Sees that the folder of data is taken away, or exchanged, while the service runs.

    What is served lies in memory, so devices notice nothing. But what they do is kept nowhere, and a restart would find
    no installation.

    Args:
        path: The folder, which is there now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _identity(path)

    def trouble(self) -> str:
        """What has become of it; "" while it is the same."""
        found = _identity(self._path)
        if found is not None and found == self._known:
            return ""
        if found is None:
            return f"the folder of data, {self._path}, is gone: devices are served from memory, and nothing is kept"
        return (
            f"the folder of data, {self._path}, is another one than when this process started: devices are served from "
            "memory; restart the service when it is the right one"
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
