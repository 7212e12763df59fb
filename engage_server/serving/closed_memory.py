"""Keeps other processes of the same user out of the memory of one that holds keys."""

from contextlib import suppress

_PR_SET_DUMPABLE = 4  # prctl(2), linux/prctl.h


def close_memory() -> None:
    """Make this process, and its later forks, one that nobody but root can trace, read by /proc or make dump its core.

    The instances run as one user, and on many systems one process of a user may read the memory of another. A program
    that is started anew, by exec, begins open again. Where this cannot be done, nothing is: it is a second wall.
    """
    with suppress(ImportError, AttributeError, OSError, MemoryError):  # a service manager may forbid what ctypes needs
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
