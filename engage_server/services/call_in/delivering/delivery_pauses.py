"""Decides when a site's uploads may be tried again: each device by itself, or the whole site if nothing answers.

Any answer is about one upload: a system that fails on one kind of upload must not block all others. Silence may also
be about one upload. If several different devices in a row get no answer, it is about the system.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

SILENT_DEVICES = 3  # different devices in a row without an answer: the system is away or overloaded
_FIRST = timedelta(seconds=1)
_LONGEST = timedelta(seconds=16)  # for a system that does not answer: it may be back at any moment
_FIRST_ERROR = timedelta(seconds=5)
_LONGEST_DEVICE = timedelta(minutes=5)
_LONGEST_ASKED_FOR = timedelta(hours=1)  # by Retry-After


@dataclass(slots=True)
class _Device:
    """The pause of one device."""

    not_before: datetime
    pause: timedelta
    trouble: str


@dataclass(slots=True)
class DeliveryPauses:
    """The pauses of one site. Safe for many threads."""

    _devices: dict[str, _Device] = field(default_factory=dict)
    _tried: dict[str, datetime] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    _not_before: datetime | None = None
    _pause: timedelta = _FIRST
    _trouble: str = ""
    _lock: Lock = field(default_factory=Lock)

    def is_paused(self, now: datetime) -> bool:
        """Whether the whole site is paused."""
        return self._not_before is not None and now < self._not_before

    def due(self, devices: Iterable[str], now: datetime) -> list[str]:
        """Those of these devices that may be tried. The one that was tried longest ago is first."""
        with self._lock:
            found = [each for each in devices if each not in self._devices or now >= self._devices[each].not_before]
            return sorted(found, key=lambda each: (each in self._tried, self._tried.get(each, now)))

    def next_look(self, now: datetime, otherwise: datetime) -> datetime:
        """When to run again: at the end of the site's pause, if that comes before ``otherwise``."""
        if self._not_before is None or self._not_before <= now:
            return otherwise
        return min(self._not_before, otherwise)

    def tried(self, device: str, now: datetime) -> None:
        """Record that a device's upload is about to be tried."""
        with self._lock:
            self._tried[device] = now

    def taken(self, device: str) -> None:
        """Record that the system accepted an upload."""
        with self._lock:
            self._devices.pop(device, None)
            self._somebody_is_there()

    def answered(self, device: str, now: datetime, why: str, asked_for: int | None, *, long: bool) -> None:
        """Record that the system answered but did not accept the upload.

        Args:
            device: The device that sent the upload.
            now: The time.
            why: What it answered.
            asked_for: After how many seconds it wants to be asked again.
            long: Whether only an operator can fix it.
        """
        with self._lock:
            self._somebody_is_there()
            self._pause_device(device, now, why, _LONGEST_DEVICE if long else _FIRST_ERROR, _LONGEST_DEVICE)
            self._wait_as_asked(device, now, asked_for)

    def busy(self, device: str, now: datetime, why: str, asked_for: int | None) -> None:
        """Record that the system is overloaded (429). Like silence, that is not about one upload."""
        with self._lock:
            self._pause_device(device, now, why, _FIRST_ERROR, _LONGEST_DEVICE)
            self._wait_as_asked(device, now, asked_for)
            self._count_in_a_row(device, now, why, timedelta(seconds=asked_for or 0))

    def unreadable(self, device: str, now: datetime, why: str) -> None:
        """Record that an upload cannot be read, which says nothing about the system."""
        with self._lock:
            self._pause_device(device, now, why, _LONGEST_DEVICE, _LONGEST_DEVICE)

    def silent(self, device: str, now: datetime, why: str) -> None:
        """Record that the system gave no answer."""
        with self._lock:
            self._pause_device(device, now, why, _FIRST, _LONGEST)
            self._count_in_a_row(device, now, why, timedelta())

    def forget_all_but(self, devices: Iterable[str]) -> None:
        """Drop the pauses of all other devices, which have no waiting uploads any more."""
        with self._lock:
            kept = set(devices)
            self._devices = {name: each for name, each in self._devices.items() if name in kept}
            self._tried = {name: each for name, each in self._tried.items() if name in kept}

    def trouble(self) -> str:
        """Why uploads wait; "" for no reason."""
        with self._lock:
            return self._trouble or next((each.trouble for each in self._devices.values()), "")

    def _somebody_is_there(self) -> None:
        self._silent.clear()
        self._not_before, self._pause, self._trouble = None, _FIRST, ""

    def _count_in_a_row(self, device: str, now: datetime, why: str, asked_for: timedelta) -> None:
        self._silent.add(device)
        if len(self._silent) >= SILENT_DEVICES:
            self._not_before = now + max(self._pause, min(asked_for, _LONGEST_DEVICE))
            self._trouble = why
            self._pause = min(2 * self._pause, _LONGEST)
            self._silent.clear()

    def _wait_as_asked(self, device: str, now: datetime, asked_for: int | None) -> None:
        if asked_for is not None:
            known = self._devices[device]
            known.not_before = max(known.not_before, now + min(timedelta(seconds=asked_for), _LONGEST_ASKED_FOR))

    def _pause_device(self, device: str, now: datetime, why: str, first: timedelta, longest: timedelta) -> None:
        before = self._devices.get(device)
        pause = first if before is None else min(max(2 * before.pause, first), longest)
        self._devices[device] = _Device(now + pause, pause, why)
