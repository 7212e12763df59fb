"""What the process that opens a chain may take. It sets these limits itself, before it reads anything."""

import os
import resource
import signal
from contextlib import suppress

CPU_SECONDS = 5
"""A usual PKCS#12 file takes a tenth of a second, and a key of 4096 bits half a second."""
NO_MEMORY = 75
"""The exit status of a process that would have needed more memory."""
_MEMORY_BYTES = 512 << 20
_LATER = 5


def limit_this_process() -> None:
    """Set the limits. They hold until the process ends.

    The time is limited twice: a service manager may forbid to set limits, as our unit for systemd does.
    """
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # nobody handles its signal, so the system ends the process
    _limit(resource.RLIMIT_CPU, CPU_SECONDS + 1)
    _limit(resource.RLIMIT_AS, _MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)  # a core file would hold the key
    _limit(resource.RLIMIT_FSIZE, 0)
    with suppress(OSError):
        os.nice(_LATER)


def _limit(kind: int, most: int) -> None:
    with suppress(ValueError, OSError):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(kind, (most, most))
