"""Limits how many unknown devices are enrolled in a day: with ``--unknown-devices enroll`` anyone may make up serials.

``<folder>/<site>.<day>`` has a serial number on each line, for all processes of a host.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engage_server.errors import FileNotUsable
from engage_server.file_locks import hold
from engage_server.files import make_folder, open_file
from engage_server.services.disk_space.reserve import DiskReserve

_LINE_BYTES = 33


@dataclass(slots=True)
class _Day:
    """The devices of one site that were enrolled on one day."""

    name: str
    serials: set[str] = field(default_factory=set)
    read_bytes: int = 0


class EnrolmentDays:
    """Enrols a limited number of unknown devices for each site and day.

    Args:
        folder: The folder of the files.
        per_day: How many devices.
        reserve: The room that must stay free on the disk.
        clock: Gives the seconds since 1970.
    """

    def __init__(self, folder: Path, per_day: int, reserve: DiskReserve, clock: Callable[[], float]) -> None:
        self.per_day = per_day
        self._folder = folder
        self._reserve = reserve
        self._clock = clock
        self._lock = threading.Lock()
        self._days: dict[str, _Day] = {}

    def let_in(self, site: str, serial: str) -> bool:
        """Whether an unknown device is enrolled today. True again for a device that already was.

        Raises:
            NotPossible: It cannot be recorded. The answer must let the device call again.
        """
        name = f"{site}.{datetime.fromtimestamp(self._clock(), UTC):%Y-%m-%d}"
        with self._lock:
            day = self._days.get(site)
            if day is None or day.name != name:
                self._forget_earlier(site, name)
                day = self._days[site] = _Day(name)
            return serial in day.serials or self._remember(day, serial)

    def today(self, site: str) -> int:
        """How many devices of a site were enrolled today on this host."""
        name = f"{site}.{datetime.fromtimestamp(self._clock(), UTC):%Y-%m-%d}"
        try:
            return (self._folder / name).stat().st_size // _LINE_BYTES
        except OSError:
            return 0

    def _remember(self, day: _Day, serial: str) -> bool:
        """Record a device under the lock of the day's file, after reading only what other processes added."""
        try:
            if not self._folder.is_dir():
                make_folder(self._folder, within=self._folder.parent)
            descriptor = open_file(self._folder / day.name, os.O_RDWR | os.O_APPEND)
        except OSError as error:
            raise FileNotUsable(f"{self._folder}: {error.strerror}", "Make the folder writable.") from None
        try:
            hold(descriptor, str(self._folder / day.name))
            length = os.fstat(descriptor).st_size // _LINE_BYTES * _LINE_BYTES
            new = os.pread(descriptor, max(0, length - day.read_bytes), day.read_bytes)
            day.serials |= set(new.decode("ascii", "replace").split())
            day.read_bytes += len(new)
            if serial in day.serials:
                return True
            if len(day.serials) >= self.per_day:
                return False
            self._reserve.assert_room(_LINE_BYTES)
            os.ftruncate(descriptor, length)  # cut off an incomplete line
            os.write(descriptor, f"{serial}\n".encode("ascii"))
            return True
        except OSError as error:
            raise FileNotUsable(f"{self._folder / day.name}: {error.strerror}", "Make room on the disk.") from None
        finally:
            os.close(descriptor)

    def _forget_earlier(self, site: str, name: str) -> None:
        for path in self._folder.glob(f"{site}.????-??-??"):
            if path.name < name:
                path.unlink(missing_ok=True)
