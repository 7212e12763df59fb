"""Locks of files and folders (flock), waited for in a bounded time: a thread that waits for ever answers nobody."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engage_server.errors import FileNotUsable, NotPossible

DEVICE_SECONDS = 5.0  # of a device's call: then it is told to come again
OPERATOR_SECONDS = 30.0

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05


def hold(descriptor: int, name: str, seconds: float = DEVICE_SECONDS) -> None:
    """Take the exclusive lock of an open file. Closing the descriptor lets go of it.

    Args:
        descriptor: Of this use alone: the lock is the open file's, so threads exclude each other, too.
        name: What to call it in the error.
        seconds: How long to wait in all.

    Raises:
        NotPossible: Somebody else holds it for as long.
    """
    waited, pause, never = 0.0, _FIRST_PAUSE, threading.Event()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waited >= seconds:
                raise NotPossible(
                    f"{name} is in use by somebody else for more than {seconds:g} s",
                    "Look which process works there, and try again.",
                    code="lock.busy",
                ) from None
            never.wait(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return


@contextmanager
def locked(folder: Path, seconds: float = DEVICE_SECONDS) -> Iterator[None]:
    """Hold a folder's lock: against other processes, and other threads of this one.

    Raises:
        FileNotUsable: It cannot be opened.
        NotPossible: Somebody else holds it for as long.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FileNotUsable(f"{folder}: {error.strerror}", "Make the folder readable.") from None
    try:
        hold(descriptor, str(folder), seconds)
        yield
    finally:
        os.close(descriptor)
