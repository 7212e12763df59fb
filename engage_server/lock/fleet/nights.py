"""Runs many virtual devices on real sockets. Each one calls at its own time.

A sleeping device is a few numbers in arrays. A :class:`VirtualLock` exists only during a call.
"""

import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from queue import Queue

from engage_server.errors import NotPossible
from engage_server.lock.firmware import Firmware
from engage_server.lock.fleet.habit import Arrival, habits, in_order
from engage_server.lock.fleet.tally import UNREACHABLE, FleetTally
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.memory import DeviceMemory
from engage_server.lock.step import Step
from engage_server.lock.target import Target
from engage_server.lock.virtual_lock import Trigger, VirtualLock, accepted
from engage_server.records import Secret

_SERIAL_PREFIX = "F1EE7000" + "0" * 12  # easy to distinguish from real devices


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """The plan of a fleet.

    Attributes:
        count: The number of devices.
        seconds: The length of one night's window in seconds.
        nights: The number of windows, one after the other. All devices are commissioned in the first one.
        arrival: How the calls are distributed.
        seed: The seed for the calling times.
        at_once: How many devices may call at the same time. Later ones wait, and the delay is reported.
        call_in: Whether they also make the nightly call-in.
    """

    count: int
    seconds: float
    nights: int = 1
    arrival: Arrival = Arrival.SPREAD
    seed: int = 1
    at_once: int = 64
    call_in: bool = False


class Fleet:
    """A fleet of devices of one kind and one site.

    Args:
        target: The only host that is called, even if a notice names another.
        key: The site key of all devices.
        limits: The limits of each device.
        firmware: The firmware of each device.
        plan: The plan of the fleet.
        now: Returns the time, timezone-aware.
    """

    def __init__(
        self,
        target: Target,
        key: Secret,
        limits: DeviceLimits,
        firmware: Firmware,
        plan: FleetPlan,
        now: Callable[[], datetime],
    ) -> None:
        self._target, self._key, self._limits, self._firmware = target, key, limits, firmware
        self._plan, self._now = plan, now
        self._habits = habits(plan.count, plan.seconds, plan.arrival, plan.seed)
        self._order = in_order(self._habits)
        self._anchor_of = array("H", bytes(2 * plan.count))  # an index into _anchors
        self._anchors: list[bytes | None] = [None]
        self._guard = threading.Lock()

    def run(self, tally: FleetTally) -> None:
        """Run all nights in real time.

        Args:
            tally: Filled in after each device's call.
        """
        with self._workers(tally) as due:
            for night in range(self._plan.nights):
                self._night(night, due, tally)
        tally.adoption = self._adoption()

    def sleeping_bytes(self) -> float:
        """The memory in bytes for each sleeping device."""
        arrays = (self._habits, self._order, self._anchor_of)
        return sum(each.itemsize for each in arrays)

    def _night(self, night: int, due: "Queue[int | None]", tally: FleetTally) -> None:
        begin = time.monotonic()
        for number in self._order:
            wait = begin + self._habits[number] - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            due.put(number)  # waits while too many devices call, so that none is dropped
            tally.late(time.monotonic() - begin - self._habits[number])
        due.join()
        tally.night_over(night + 1)

    @contextmanager
    def _workers(self, tally: FleetTally) -> Iterator["Queue[int | None]"]:
        due: Queue[int | None] = Queue(maxsize=self._plan.at_once)
        threads = [
            threading.Thread(target=self._work, args=(due, tally), daemon=True) for _ in range(self._plan.at_once)
        ]
        for thread in threads:
            thread.start()
        yield due  # if the fleet is interrupted, the threads end with the process, without waiting for slow calls
        for _ in threads:
            due.put(None)
        for thread in threads:
            thread.join()

    def _work(self, due: "Queue[int | None]", tally: FleetTally) -> None:
        while (number := due.get()) is not None:
            try:
                self._one(number, tally)
            finally:
                due.task_done()
        due.task_done()

    def _one(self, number: int, tally: FleetTally) -> None:
        """One device wakes, calls, and sleeps again."""
        der = self._anchors[self._anchor_of[number]]
        memory = DeviceMemory(anchor_der=der)
        serial = f"{_SERIAL_PREFIX}{number:012X}"
        lock = VirtualLock(
            target=self._target,
            key=self._key,
            limits=self._limits,
            firmware=self._firmware,
            serial=serial,
            memory=memory,
            only_target=True,
        )
        steps: list[Step] = []
        begin = last = time.perf_counter()
        failure = None
        try:
            for step in lock.run(Trigger.NIGHT, self._now(), call_in=self._plan.call_in):
                steps.append(step)
                tally.took(step.name, time.perf_counter() - last)
                last = time.perf_counter()
        except NotPossible as error:
            failure = f"{UNREACHABLE}: {error.sentence}"
        self._remember(number, lock.memory.anchor_der)
        if failure is None and not accepted(steps):
            refused = next(step for step in reversed(steps) if not step.ok)
            failure = f"{refused.name}: {refused.sentence}"
        tally.device_done(time.perf_counter() - begin, failure, changed=lock.memory.anchor_der != der)

    def _remember(self, number: int, der: bytes | None) -> None:
        if der == self._anchors[self._anchor_of[number]]:
            return
        with self._guard:
            if der not in self._anchors:
                self._anchors.append(der)
            self._anchor_of[number] = self._anchors.index(der)

    def _adoption(self) -> dict[str, int]:
        """The number of devices with each anchor, by its digest; "" for devices without one."""
        found: dict[str, int] = {}
        for index in self._anchor_of:
            digest = DeviceMemory(anchor_der=self._anchors[index]).anchor_digest
            found[digest] = found.get(digest, 0) + 1
        return found
