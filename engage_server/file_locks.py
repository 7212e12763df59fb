"""Locks of files and folders (flock). Waiting for one has a time limit: a thread that waits for ever answers nobody."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engage_server.errors import FileNotUsable, NotPossible

DEVICE_SECONDS = 5.0  # for a device's call; after that the device is asked to retry later
OPERATOR_SECONDS = 30.0

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05


def hold(descriptor: int, name: str, seconds: float = DEVICE_SECONDS) -> None:
    """Take the exclusive lock of an open file. Closing the descriptor releases it.

    Args:
        descriptor: For this use only. The lock belongs to the open file, so threads exclude each other, too.
        name: How the error names the file.
        seconds: How long to wait in all.

    Raises:
        NotPossible: Another process or thread held the lock for that long.
    """
    waited, pause, never = 0.0, _FIRST_PAUSE, threading.Event()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waited >= seconds:
                raise NotPossible(
                    f"{name} has been in use by another process for more than {seconds:g} s",
                    "Check which process uses it, and try again.",
                    code="lock.busy",
                ) from None
            never.wait(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return


@contextmanager
def locked(folder: Path, seconds: float = DEVICE_SECONDS) -> Iterator[None]:
    """Hold a folder's lock against other processes and other threads of this one.

    Raises:
        FileNotUsable: The folder cannot be opened.
        NotPossible: Another process or thread held the lock for that long.
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
