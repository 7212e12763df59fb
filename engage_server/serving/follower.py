"""Keeps a worker's snapshot up to date: what is activated in the store is served within two seconds."""

import logging
import ssl
import threading
from collections.abc import Callable

from engage_server.composition import DeviceSide, Snapshot
from engage_server.errors import EngageError


class SnapshotFollower:
    """Polls the store's generation, and exchanges the snapshot when it has changed.

    While the store is away or a release can not be loaded, the last good snapshot goes on being served.

    Args:
        device_side: The store and the distribution.
        prepare: Called with a snapshot before it is published, to build what serving it needs.
        poll_seconds: Between two looks.
        log: Where trouble, and its end, are told: once each, not at every look.
    """

    def __init__(
        self,
        device_side: DeviceSide,
        prepare: Callable[[Snapshot], None],
        poll_seconds: float,
        log: logging.Logger,
    ) -> None:
        self._device_side = device_side
        self._prepare = prepare
        self._poll_seconds = poll_seconds
        self._log = log
        self._trouble = ""
        self._stopped = threading.Event()

    def start(self) -> None:
        """Follow in a thread of its own, until the process ends."""
        threading.Thread(target=self._run, name="snapshot-follower", daemon=True).start()

    def stop(self) -> None:
        """End the thread at its next look."""
        self._stopped.set()

    def follow_once(self) -> bool:
        """Look once. True when a new snapshot was published.

        Raises:
            EngageError: The store is away, or a secret can not be opened.
            ssl.SSLError: OpenSSL refuses a chain.
        """
        served = self._device_side.distribution.snapshot
        if self._device_side.generation() == served.generation:
            return False
        snapshot = self._device_side.take_snapshot()
        self._prepare(snapshot)
        self._device_side.distribution.publish(snapshot)
        return True

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                if self.follow_once():
                    self._tell_current()
                self._tell_trouble("")
            except (EngageError, ssl.SSLError) as error:
                self._tell_trouble(str(error))
            except Exception:  # a defect must not end the following: the worker would serve the past for ever
                self._log.exception("following the store failed")
            self._stopped.wait(self._poll_seconds)

    def _tell_current(self) -> None:
        current = self._device_side.distribution.snapshot.current.values()
        what = ", ".join(f"{release.site} release {release.number}" for release in current)
        self._log.info("serving %s", what or "no release yet")

    def _tell_trouble(self, trouble: str) -> None:
        if trouble == self._trouble:
            return
        if trouble:
            self._log.error("can not follow the store, serving what is in memory: %s", trouble)
        else:
            self._log.info("following the store again")
        self._trouble = trouble
