"""When a site's uploads may be tried again: each device by itself, and the whole site only when nobody answers at all.

An answer is about one upload, whatever it says: a system that errs on one kind of upload must not keep all others away.
No answer may be about one upload, too; that several different devices in a row get none is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

SILENT_DEVICES = 3  # different ones in a row without an answer: nobody is there, or has the time
_FIRST = timedelta(seconds=1)
_LONGEST = timedelta(seconds=16)  # of a system that does not answer: it may be back at any moment
_FIRST_ERROR = timedelta(seconds=5)
_LONGEST_DEVICE = timedelta(minutes=5)
_LONGEST_ASKED_FOR = timedelta(hours=1)  # by Retry-After


@dataclass(slots=True)
class _Device:
    """One device's uploads."""

    not_before: datetime
    pause: timedelta
    trouble: str


@dataclass(slots=True)
class DeliveryPauses:
    """One site's. Safe for many threads."""

    _devices: dict[str, _Device] = field(default_factory=dict)
    _tried: dict[str, datetime] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    _not_before: datetime | None = None
    _pause: timedelta = _FIRST
    _trouble: str = ""
    _lock: Lock = field(default_factory=Lock)

    def is_paused(self, now: datetime) -> bool:
        """Whether the whole site is left alone."""
        return self._not_before is not None and now < self._not_before

    def due(self, devices: Iterable[str], now: datetime) -> list[str]:
        """Those of these devices that may be tried, the one that was tried longest ago first."""
        with self._lock:
            found = [each for each in devices if each not in self._devices or now >= self._devices[each].not_before]
            return sorted(found, key=lambda each: (each in self._tried, self._tried.get(each, now)))

    def next_look(self, now: datetime, otherwise: datetime) -> datetime:
        """When to look again: at the end of the site's pause, if that comes before ``otherwise``."""
        if self._not_before is None or self._not_before <= now:
            return otherwise
        return min(self._not_before, otherwise)

    def tried(self, device: str, now: datetime) -> None:
        """A device's upload is about to be tried."""
        with self._lock:
            self._tried[device] = now

    def taken(self, device: str) -> None:
        """The system has taken one."""
        with self._lock:
            self._devices.pop(device, None)
            self._somebody_is_there()

    def answered(self, device: str, now: datetime, why: str, asked_for: int | None, *, long: bool) -> None:
        """The system answered, and has not taken it.

        Args:
            device: Whose upload it was.
            now: The time.
            why: What it answered.
            asked_for: After how many seconds it wants to be asked again.
            long: Whether only people can change it.
        """
        with self._lock:
            self._somebody_is_there()
            self._pause_device(device, now, why, _LONGEST_DEVICE if long else _FIRST_ERROR, _LONGEST_DEVICE)
            self._wait_as_asked(device, now, asked_for)

    def busy(self, device: str, now: datetime, why: str, asked_for: int | None) -> None:
        """The system has too much to do (429): that is about one upload no more than no answer is."""
        with self._lock:
            self._pause_device(device, now, why, _FIRST_ERROR, _LONGEST_DEVICE)
            self._wait_as_asked(device, now, asked_for)
            self._count_in_a_row(device, now, why, timedelta(seconds=asked_for or 0))

    def unreadable(self, device: str, now: datetime, why: str) -> None:
        """Its upload cannot be read; that says nothing about the system."""
        with self._lock:
            self._pause_device(device, now, why, _LONGEST_DEVICE, _LONGEST_DEVICE)

    def silent(self, device: str, now: datetime, why: str) -> None:
        """The system gave no answer."""
        with self._lock:
            self._pause_device(device, now, why, _FIRST, _LONGEST)
            self._count_in_a_row(device, now, why, timedelta())

    def forget_all_but(self, devices: Iterable[str]) -> None:
        """Nothing waits of the others any more."""
        with self._lock:
            kept = set(devices)
            self._devices = {name: each for name, each in self._devices.items() if name in kept}
            self._tried = {name: each for name, each in self._tried.items() if name in kept}

    def trouble(self) -> str:
        """Why something waits; "" for no reason."""
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
