"""Holds a prepared snapshot until its moment, and publishes it then, whatever the database does meanwhile.

The loop asks before it serves anybody: so nobody gets the old answer after the moment, even if this thread waits for a
processor. The thread is for a worker that nobody calls.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from engage_server.services.distribution.lookup import Distribution
from engage_server.services.distribution.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Held:
    """A prepared snapshot.

    Attributes:
        snapshot: The snapshot.
        moment: When it is published, by the monotonic clock.
        latest: No later moment is accepted: the database's clock may be set while this waits.
        is_agreed: Whether the moment is the agreed one, and not only the latest.
    """

    snapshot: Snapshot
    moment: float
    latest: float
    is_agreed: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """A snapshot that is served.

    Attributes:
        snapshot: The snapshot.
        before: The one that was served before.
        at: Since when, by the monotonic clock.
    """

    snapshot: Snapshot
    before: Snapshot
    at: float


class Switchover:
    """Publishes snapshots: at once, or at their moment from a separate thread.

    That thread only exchanges a reference. All work is done before, so that the workers differ by milliseconds. The
    follower's thread cannot do it: it may be waiting for a database that does not answer.

    Args:
        distribution: Where snapshots are published.
        published: Called with each snapshot that is served from now on.
    """

    def __init__(self, distribution: Distribution, published: Callable[[Snapshot], None]) -> None:
        self._distribution = distribution
        self._when_published = published
        self._changed = threading.Condition()
        self._held: Held | None = None
        self._last: Published | None = None
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="switchover", daemon=True)

    @property
    def held(self) -> Held | None:
        """The snapshot that waits for its moment."""
        return self._held

    @property
    def last(self) -> Published | None:
        """The snapshot that was published last. None: this process still serves what it began with."""
        return self._last

    def start(self) -> None:
        """Start the thread. Before, nothing that is held is ever published."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread. What is held is not published any more."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def publish(self, snapshot: Snapshot) -> None:
        """Serve a snapshot from now on, and let go of the one that waits."""
        with self._changed:
            self._held = None
            self._publish(snapshot)

    def hold(self, snapshot: Snapshot, seconds: float) -> None:
        """Hold a snapshot, in place of one that waits already.

        Args:
            snapshot: Everything that serving it needs is prepared.
            seconds: After this time it is published, whatever is agreed.
        """
        latest = time.monotonic() + seconds
        with self._changed:
            self._held = Held(snapshot, latest, latest)
            self._changed.notify()

    def publish_due(self, now: float) -> None:
        """Publish what is held if its moment has come. Cheap while nothing is held, and until then.

        Args:
            now: By the monotonic clock.
        """
        held = self._held
        if held is None or now < held.moment:
            return
        with self._changed:
            self._publish_if_due(now)

    def move(self, held: Held, moment: float, *, is_agreed: bool) -> None:
        """Change the moment of what is held, if it still waits. A time in the past is now."""
        with self._changed:
            if self._held is not None and self._held.snapshot is held.snapshot:
                self._held = replace(held, moment=min(moment, held.latest), is_agreed=is_agreed)
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._is_stopped:
                if not self._publish_if_due(time.monotonic()):
                    self._changed.wait(None if self._held is None else max(0.0, self._held.moment - time.monotonic()))

    def _publish_if_due(self, now: float) -> bool:
        held = self._held
        if held is None or now < held.moment or self._is_stopped:
            return False
        self._held = None
        self._publish(held.snapshot)
        return True

    def _publish(self, snapshot: Snapshot) -> None:
        before = self._distribution.snapshot
        self._distribution.publish(snapshot)
        self._last = Published(snapshot, before, time.monotonic())
        self._when_published(snapshot)
