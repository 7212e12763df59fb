"""Limits how much of a worker's time one device may use, and one address whose callers send no serial number."""

import ipaddress
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engage_server.errors import NotPossible
from engage_server.records import read_address

AT_ONCE = 3  # calls of one serial number: one is answered, two wait. A device makes only one at a time
_ADDRESSES_KEPT = 4096
_MINUTE = 60.0


class CallLimits:
    """Counts calls. Safe for many threads.

    Args:
        clock: Gives seconds.
        nameless_per_minute: How many calls without a serial number one address may make in a minute.
    """

    def __init__(self, clock: Callable[[], float], nameless_per_minute: int) -> None:
        self._clock = clock
        self._rate = nameless_per_minute
        self._lock = threading.Lock()
        self._running: Counter[tuple[str, str]] = Counter()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @contextmanager
    def one_call(self, site: str, serial: str | None) -> Iterator[None]:
        """Count a call while it is answered. A call without a serial number is not counted.

        Raises:
            NotPossible: The device already has too many calls at once.
        """
        if serial is None:
            yield
            return
        device = site, serial
        with self._lock:
            if self._running[device] >= AT_ONCE:
                raise NotPossible(
                    f"{serial} makes more than {AT_ONCE} calls at once",
                    "Find out who uses its serial number.",
                    code="device.busy",
                )
            self._running[device] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[device] -= 1
                if not self._running[device]:
                    del self._running[device]

    def may_be_nameless(self, address: str) -> bool:
        """Whether an address may make one more call without a serial number. The limit of a minute may come at once."""
        key, now = _network_of(address), self._clock()
        with self._lock:
            left, at = self._left.pop(key, (float(self._rate), now))
            left = min(float(self._rate), left + max(0.0, now - at) * self._rate / _MINUTE)
            self._left[key] = max(0.0, left - 1), now
            if len(self._left) > _ADDRESSES_KEPT:
                self._left.popitem(last=False)
            return left >= 1


def _network_of(address: str) -> str:
    """The address itself; for IPv6 its /64 network, because one host may use a whole one."""
    parsed = read_address(address)
    if parsed is None or parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
