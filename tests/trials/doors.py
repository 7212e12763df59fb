"""The doors: a program in their network namespace. Each has its own address and serial number, and keeps its anchor.

It reads one order on each line of standard input, and answers each with one line: both are JSON.
"""

import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engage_server.errors import NotPossible
from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.memory import DeviceMemory
from engage_server.lock.step import Step
from engage_server.lock.target import Target
from engage_server.lock.virtual_lock import Trigger, VirtualLock, accepted
from engage_server.protocol.site_key import read_site_key
from engage_server.records import Secret

_SERIAL = "F1EE7900" + "0" * 12
_AT_ONCE = 8
_RETRY_SECONDS = 2.0  # of a door that found nobody. A real one waits longer: its night is longer, too
_own = threading.local()
_connect = socket.create_connection


def address_of(door: int) -> str:
    """The address of a door."""
    return f"10.79.{10 + door // 200}.{1 + door % 200}"


def serial_of(door: int) -> str:
    """Its serial number."""
    return f"{_SERIAL}{door:012X}"


@dataclass
class Seen:
    """What doors saw answered, and how often each door called.

    Attributes:
        answered: For each door, how often each thing was answered: ``notice``, ``download``, ``request``.
        attempts: For each door, how often it called.
        lost: The doors that did not come through, with the last reason.
    """

    answered: dict[int, Counter[str]] = field(default_factory=dict)
    attempts: Counter[int] = field(default_factory=Counter)
    lost: dict[int, str] = field(default_factory=dict)


class Doors:
    """All doors of the trial.

    Args:
        host: The address that they call.
        key: Their site key.
    """

    def __init__(self, host: str, key: Secret) -> None:
        self._target, self._key = Target(host), key
        self._memories: dict[int, DeviceMemory] = {}

    def night(self, doors: Iterable[int], over: float, patience: float) -> Seen:
        """Let some doors call, spread over some seconds.

        Args:
            doors: Which.
            over: The seconds from the first call to the last one.
            patience: For how many seconds each tries again, if nobody answers.
        """
        seen, which = Seen(), list(doors)
        begun = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for order, door in enumerate(which):
                wait = begun + over * order / max(1, len(which)) - time.monotonic()
                time.sleep(max(0.0, wait))
                pool.submit(self._door, door, patience, seen)
        return seen

    def _door(self, door: int, patience: float, seen: Seen) -> None:
        _own.address = address_of(door)
        until = time.monotonic() + patience
        answered = seen.answered.setdefault(door, Counter())
        why = "it was not tried"
        while True:
            seen.attempts[door] += 1
            try:
                why = self._call(door, answered)
            except NotPossible as error:
                why = error.sentence
            if not why or time.monotonic() > until:
                break
            time.sleep(_RETRY_SECONDS)
        if why:
            seen.lost[door] = why

    def _call(self, door: int, answered: Counter[str]) -> str:
        """Call once. Why it failed; "" if it came through."""
        lock = VirtualLock(
            self._target,
            self._key,
            DeviceLimits(seconds=5.0),
            Firmware(),
            serial_of(door),
            self._memories.get(door, DeviceMemory()),
            only_target=True,
        )
        steps: list[Step] = []
        try:
            for step in lock.run(Trigger.NIGHT, datetime.now(UTC)):
                steps.append(step)
                answered[step.name] += step.ok
        finally:
            self._memories[door] = lock.memory
        if accepted(steps):
            return ""
        return next((f"{step.name}: {step.sentence}" for step in reversed(steps) if not step.ok), "no step")


def _from_own_address(where: tuple[str, int], timeout: float | None = None, **_more: Any) -> socket.socket:
    return _connect(where, timeout, source_address=(_own.address, 0))


def main() -> None:
    """Do what each line says: ``{"doors": [first, last], "over": seconds, "patience": seconds}``."""
    host, key_file = sys.argv[1:]
    doors = Doors(host, read_site_key(Path(key_file).read_bytes()))
    socket.create_connection = _from_own_address  # type: ignore[assignment]  # as the virtual lock calls it
    print("{}", flush=True)  # noqa: T201  # its answers
    for line in sys.stdin:
        order = json.loads(line)
        seen = doors.night(range(*order["doors"]), order["over"], order["patience"])
        answer = {"answered": seen.answered, "attempts": seen.attempts, "lost": seen.lost}
        print(json.dumps(answer), flush=True)  # noqa: T201  # the same


if __name__ == "__main__":
    main()
