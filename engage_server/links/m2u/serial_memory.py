"""Remembers the last serial number of each device, so that a replaced router is noticed.

One small file for each link, in ``data/links/m2u``, which all workers of this host share. The ingress cannot ask the
database. A host that never saw a device remembers its first serial number and reports nothing.
"""

import json
import threading
from collections.abc import Callable
from pathlib import Path

from engage_server.errors import EngageError
from engage_server.file_locks import locked
from engage_server.files import SECRET_MODE, make_folder, read_file, replace_file

FOLDER = "m2u"
MOST_DEVICES = 10_000  # of a link; a login of a whole account could invent names of devices
_MAX_FILE_BYTES = 8 * 1024 * 1024
_LOCK_SECONDS = 2.0

_Version = tuple[int, int, int] | None


class SerialMemory:
    """The last serial numbers of one link. Any thread may use it.

    Args:
        folder: ``data/links``.
        link: The name of the link.
    """

    def __init__(self, folder: Path, link: str) -> None:
        self._parent = folder
        self._folder = folder / FOLDER
        self._file = self._folder / f"{link}.json"
        self._known: dict[str, str] = {}
        self._version: _Version = None
        self._reading = threading.Lock()

    def last(self, account: str, device: str) -> str | None:
        """Return the last serial number. None if the device was never seen. At most one system call if it is known."""
        with self._reading:
            self._look()
            return self._known.get(_key(account, device))

    def change(self, account: str, device: str, serial: str, record: Callable[[str | None], bool]) -> bool:
        """Record a serial number that is not the last one, and then remember it. Only one process does it at a time.

        Args:
            account: The Talk2M account.
            device: The device in it.
            serial: Its serial number now.
            record: Called with the last one, unless another process has just recorded the change. False: it could not
                be recorded, and nothing is remembered.

        Returns:
            Whether it was recorded.

        Raises:
            EngageError: The file is in use for too long, or cannot be written. Then ``record`` may have been called.
        """
        make_folder(self._folder, within=self._parent)
        with locked(self._folder, _LOCK_SECONDS):
            last = self.last(account, device)
            if not record(None if last == serial else last):
                return False
            if last != serial:
                self._remember(_key(account, device), serial)
            return True

    def _remember(self, key: str, serial: str) -> None:
        with self._reading:
            known = {name: value for name, value in self._known.items() if name != key} | {key: serial}
            while len(known) > MOST_DEVICES:
                del known[next(iter(known))]  # the one that changed longest ago
            replace_file(self._file, json.dumps(known, ensure_ascii=False).encode(), SECRET_MODE)
            self._known, self._version = known, _version(self._file)

    def _look(self) -> None:
        version = _version(self._file)
        if version == self._version:
            return
        try:
            content = json.loads(read_file(self._file, limit=_MAX_FILE_BYTES)) if version is not None else {}
        except (EngageError, ValueError):  # it is written whole or not at all, so somebody else damaged it
            content = {}
        entries = content.items() if isinstance(content, dict) else ()
        self._known = {str(name): str(value) for name, value in entries}
        self._version = version


def _key(account: str, device: str) -> str:
    """A name for both: neither may hold a line end."""
    return f"{account}\n{device}"


def _version(path: Path) -> _Version:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
