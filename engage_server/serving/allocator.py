"""What the C library's allocator keeps of memory that is free: after a flood little of it, where it is glibc.

glibc raises by itself the size from which it gives a block of its own to the kernel, up to 32 MiB: then one body after
the other is cut from the heap, and what lies between those that stay is never given back.
"""

import ctypes
from contextlib import suppress

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1  # of malloc.h
_ARENAS = 2  # Python's lock lets one thread work at a time: more would only keep more
_OWN_BLOCK_BYTES = 128 * 1024  # the default, which stays from now on
_KEPT_BYTES = 4 * 1024 * 1024  # at the end of the heap, for the next ones
_WORTH_IT_BYTES = 16 * 1024 * 1024


def keep_little() -> None:
    """For this process, before it has threads. Where the C library has no such choice, nothing happens."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, _ARENAS)
        mallopt(_MMAP_THRESHOLD, _OWN_BLOCK_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


class FreeMemory:
    """Gives the kernel back what is free, once after each peak: to do so looks at the whole heap, some milliseconds."""

    def __init__(self) -> None:
        self._peak = 0

    def look(self, held_bytes: int) -> bool:
        """Called now and then with what clients make us keep, roughly. Whether this was the time to give back."""
        self._peak = max(self._peak, held_bytes)
        if self._peak < _WORTH_IT_BYTES or held_bytes > self._peak // 4:
            return False
        self._peak = held_bytes
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        return True
