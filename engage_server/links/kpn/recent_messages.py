"""Remembers which messages came lately: one that comes again gets no downlink, and makes no second event."""

import threading
from collections import OrderedDict

_MOST = 10_000  # some 2 MB


class RecentMessages:
    """Keys of messages. Any thread may use it.

    The store ignores a second event of one key anyway. This is for the answer. Somebody may record a message on a plain
    network and send it again. They must not get what waits for the device. After 10,000 others, or a restart of the
    ingress, a message counts as new.
    """

    def __init__(self) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._changing = threading.Lock()

    def holds(self, key: str) -> bool:
        """Whether a message with this key was added."""
        with self._changing:
            return key in self._keys

    def add(self, key: str) -> bool:
        """Add a key. False if it was there already."""
        with self._changing:
            if key in self._keys:
                return False
            self._keys[key] = None
            if len(self._keys) > _MOST:
                self._keys.popitem(last=False)
            return True
