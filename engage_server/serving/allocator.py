"""Limits how much free memory the C library's allocator keeps after a flood, if it is glibc.

By itself, glibc raises the size above which it takes a separate block from the kernel, up to 32 MiB. Then one body
after another is cut from the heap, and the free memory between those that stay is never given back.
"""

import ctypes
from contextlib import suppress

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1  # from malloc.h
_ARENAS = 2  # Python's lock lets one thread work at a time: more arenas would only keep more memory
_OWN_BLOCK_BYTES = 128 * 1024  # glibc's default; setting it stops glibc from raising it
_KEPT_BYTES = 4 * 1024 * 1024  # kept at the end of the heap for the next bodies
_WORTH_IT_BYTES = 16 * 1024 * 1024


def keep_little() -> None:
    """Set the limits for this process, before it has threads. With another C library, nothing happens."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, _ARENAS)
        mallopt(_MMAP_THRESHOLD, _OWN_BLOCK_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


class FreeMemory:
    """Returns free memory to the kernel, once after each peak: a pass over the whole heap takes some milliseconds."""

    def __init__(self) -> None:
        self._peak = 0

    def look(self, held_bytes: int) -> bool:
        """Take the rough number of bytes that clients make us keep. Return whether memory was given back."""
        self._peak = max(self._peak, held_bytes)
        if self._peak < _WORTH_IT_BYTES or held_bytes > self._peak // 4:
            return False
        self._peak = held_bytes
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        return True
