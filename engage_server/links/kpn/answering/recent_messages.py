"""Remembers which messages came lately: one that comes again gets no downlink, and makes no second event."""

import logging
import mmap
import os
import threading
from pathlib import Path

from engage_server.errors import FileNotUsable
from engage_server.files import make_folder, open_file

_KEY_BYTES = 8  # of a SHA-256: two messages that share them are not to be expected
_WAYS = 8
_BUCKET_BYTES = _KEY_BYTES * _WAYS
_BUCKETS = 8192
_BYTES = _BUCKETS * _BUCKET_BYTES
_log = logging.getLogger(__name__)


class RecentMessages:
    """The last messages, some 60,000 of them. Any thread may use it, and so may processes that are forked later.

    The store ignores a second event of one key anyway. This is for the answer. Somebody may record a message on a plain
    network and send it again. They must not get what waits for the device.

    Args:
        file: Where they are kept, so that a restart forgets none, and all processes of a host know them. None, or a
            file that cannot be used: in memory.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._keys = _in_file(file) if file is not None else mmap.mmap(-1, _BYTES)
        self._changing = threading.Lock()  # two processes may write at once: no harm

    def holds(self, key: str) -> bool:
        """Whether a message was added.

        Args:
            key: 64 hexadecimal digits.
        """
        wanted, place = _placed(key)
        bucket = self._keys[place : place + _BUCKET_BYTES]
        return any(bucket[at : at + _KEY_BYTES] == wanted for at in range(0, _BUCKET_BYTES, _KEY_BYTES))

    def add(self, key: str) -> bool:
        """Add a message; the oldest one of its bucket is forgotten. False if it was there already."""
        with self._changing:
            if self.holds(key):
                return False
            wanted, place = _placed(key)
            kept = self._keys[place : place + _BUCKET_BYTES - _KEY_BYTES]
            self._keys[place : place + _BUCKET_BYTES] = wanted + kept
            return True


def _in_file(file: Path) -> mmap.mmap:
    try:
        make_folder(file.parent)
        opened = open_file(file, os.O_RDWR)
        try:
            os.posix_fallocate(opened, 0, _BYTES)  # else a write beyond a full disk would end this process
            return mmap.mmap(opened, _BYTES)
        finally:
            os.close(opened)
    except (OSError, FileNotUsable) as error:
        _log.error("KPN: a restart will forget which messages came lately: %s: %s", file, error)
        return mmap.mmap(-1, _BYTES)


def _placed(key: str) -> tuple[bytes, int]:
    """The bytes that are kept of a key, and where its bucket begins."""
    content = bytes.fromhex(key)
    bucket = int.from_bytes(content[_KEY_BYTES : 2 * _KEY_BYTES], "big") % _BUCKETS
    return content[:_KEY_BYTES], bucket * _BUCKET_BYTES
