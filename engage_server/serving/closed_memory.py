"""Keeps other processes of the same user from reading the memory of a process that holds keys."""

from contextlib import suppress

_PR_SET_DUMPABLE = 4  # prctl(2), linux/prctl.h


def close_memory() -> None:
    """Let only root trace this process and its later forks, read them by /proc, or dump their core.

    The instances run as one user. On many systems, one process of a user may read the memory of another. A program that
    is started again, by exec, is readable until it calls this. Where the system cannot do it, nothing happens: this is
    a second line of defence.
    """
    with suppress(ImportError, AttributeError, OSError, MemoryError):  # a service manager may forbid what ctypes needs
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
