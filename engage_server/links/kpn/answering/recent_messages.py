"""Remembers which messages came lately: one that comes again gets no downlink, and makes no second event."""

import mmap
import threading

_KEY_BYTES = 8  # of a SHA-256: two messages that share them are not to be expected
_WAYS = 8
_BUCKET_BYTES = _KEY_BYTES * _WAYS
_BUCKETS = 8192


class RecentMessages:
    """The last messages, some 60,000 of them. Any thread may use it, and so may processes that are forked later.

    The store ignores a second event of one key anyway. This is for the answer. Somebody may record a message on a plain
    network and send it again. They must not get what waits for the device. After a restart of the ingress, a message
    counts as new.
    """

    def __init__(self) -> None:
        self._keys = mmap.mmap(-1, _BUCKETS * _BUCKET_BYTES)  # shared with the workers; two may write at once: no harm
        self._changing = threading.Lock()

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


def _placed(key: str) -> tuple[bytes, int]:
    """The bytes that are kept of a key, and where its bucket begins."""
    content = bytes.fromhex(key)
    bucket = int.from_bytes(content[_KEY_BYTES : 2 * _KEY_BYTES], "big") % _BUCKETS
    return content[:_KEY_BYTES], bucket * _BUCKET_BYTES
