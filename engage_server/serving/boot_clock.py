"""The machine's clock that nobody can set."""

import time
from pathlib import Path

from engage_server.records import BootClock

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_clock() -> BootClock:
    """Return the id of this boot, and the seconds since it. If the system gives no id, no two readings share a boot."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return BootClock(boot, time.clock_gettime(time.CLOCK_BOOTTIME))
