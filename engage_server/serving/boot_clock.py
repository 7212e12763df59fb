"""The clock of this machine that nobody can set."""

import time
from pathlib import Path

from engage_server.records import BootClock

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_clock() -> BootClock:
    """Which boot this is, and how long ago it was. Where the system gives no id, no two looks are of the same boot."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return BootClock(boot, time.clock_gettime(time.CLOCK_BOOTTIME))
