"""A worker's part in the agreement on the moment at which all workers begin to serve a change.

A snapshot that answers devices as the last one did needs no agreement: it is published at once. Another one is held.
The worker reports that it is prepared, and learns the moment from the store. Three cases end without an agreed moment:

* The worker was not prepared in time. It publishes as soon as it can, and its report says by how much it is late.
* The database does not answer. The worker publishes at the latest moment, which it computes by itself.
* A newer change was announced before the moment was decided. The worker prepares that one instead.
"""

import time
from collections.abc import Callable
from datetime import datetime

from engage_server.composition.device_side import DeviceSide
from engage_server.records import StoreLook, Switch, SwitchTerms
from engage_server.services.distribution.snapshot import Snapshot
from engage_server.services.distribution.switching import answers_alike
from engage_server.serving.worker.switching.database_clock import DatabaseClock
from engage_server.serving.worker.switching.switchover import Held, Published, Switchover

_PAUSE_SECONDS = 0.02  # between two checks while a moment is waited for
_HEARD_PAUSE_SECONDS = 0.1  # the same where the database announces it; within the lead, if that announcement is lost
_AFTER_MOMENT_SECONDS = 0.002


class Agreement:
    """Decides whether a prepared snapshot is published at once or held, and until when.

    Args:
        device_side: The store and the distribution.
        terms: How long workers wait for each other.
        published: Called with each snapshot that is served from now on.
        report: Reports to the store that this generation is prepared. None: this process reports nothing, and nobody
            waits for it.

    Attributes:
        clock: Converts the database's times.
        said_prepared: The newest announced generation that was reported as prepared.
        switched_at: When this process began to serve other releases for the last time. None: it has not yet.
        late_seconds: How late that was. None: no moment was agreed on.
    """

    def __init__(
        self,
        device_side: DeviceSide,
        terms: SwitchTerms,
        published: Callable[[Snapshot], None],
        report: Callable[[int], None] | None,
    ) -> None:
        self._device_side = device_side
        self._terms = terms
        self._report = report
        self._switchover = Switchover(device_side.distribution, published)
        self._judged: Published | None = None
        self._agreed: Switch | None = None  # the moment that is followed now
        self._up_to_date_at: float | None = None
        self.clock = DatabaseClock()
        self.said_prepared = 0
        self.switched_at: datetime | None = None
        self.late_seconds: float | None = None

    def start(self) -> None:
        """Start the thread that publishes at the moment."""
        self._switchover.start()

    def stop(self) -> None:
        """End that thread."""
        self._switchover.stop()

    @property
    def held(self) -> Snapshot | None:
        """The prepared snapshot that waits for its moment."""
        held = self._switchover.held
        return None if held is None else held.snapshot

    def go_on(self, look: StoreLook) -> bool:
        """Go on waiting with what is held. False if nothing is held, or a newer change has replaced it."""
        held = self._switchover.held
        if held is None:
            return False
        if not self._is_superseded(held, look):
            self._agree(held, look)
            return True
        newest = look.switches[0]
        if newest.switch_at is not None:  # this worker is behind: at that moment it serves at least what it has
            self._switchover.move(held, self.clock.monotonic(newest.switch_at), is_agreed=False)
        return False

    def publish_due(self, now: float) -> None:
        """Serve what is held if its moment has come, by the monotonic clock."""
        self._switchover.publish_due(now)

    def publish(self, snapshot: Snapshot) -> None:
        """Serve a snapshot from now on."""
        self._switchover.publish(snapshot)

    def place(self, snapshot: Snapshot, look: StoreLook) -> None:
        """Publish a prepared snapshot at once if nothing is to be agreed on, or it is too late. Otherwise hold it."""
        served = self._device_side.distribution.snapshot
        if not self._terms.is_together or answers_alike(served, snapshot) or self._is_over(snapshot, look):
            self.publish(snapshot)
            return
        self._switchover.hold(snapshot, (self._terms.limit + self._terms.lead).total_seconds())
        held = self._switchover.held
        if held is not None:
            self._agree(held, look)

    def close(self, look: StoreLook, began_at: float) -> None:
        """Decide about an announced change that is served here already. Otherwise the next one would inherit its time.

        No worker was there when it was announced, or those that were there have ended.

        Args:
            look: What the store announces.
            began_at: When that check began, by the monotonic clock.
        """
        self._up_to_date_at = began_at
        if look.open is not None and self._report is not None:
            self._device_side.agree(self._terms)

    def judge(self, look: StoreLook, *, is_first: bool) -> bool:
        """Compute how late the last snapshot was published. True if there is one of another generation.

        Args:
            look: What the store announces.
            is_first: Whether this worker has only begun. Then it missed no moment.
        """
        last = self._switchover.last
        if last is None or last is self._judged:
            return False
        self._judged = last
        if not answers_alike(last.before, last.snapshot):
            switch = look.of(last.before.generation, last.snapshot.generation)
            self.switched_at = self.clock.time(last.at)
            self.late_seconds = None
            if switch is not None and self._terms.is_together and not is_first:
                self.late_seconds = self._late(switch, last)
        return last.snapshot.generation != last.before.generation

    def _late(self, switch: Switch, last: Published) -> float:
        late = last.at - self.clock.monotonic(switch.moment(self._terms))
        if self._up_to_date_at is not None:  # nothing was announced before: more is a step of the database's clock
            late = min(late, last.at - self._up_to_date_at)
        return max(0.0, round(late, 4))

    def seconds_to_next(self, usual: float) -> float:
        """Return how long to wait until the next check, unless the database announces a change."""
        held = self._switchover.held
        if held is None:
            return usual
        left = max(0.0, held.moment - time.monotonic()) + _AFTER_MOMENT_SECONDS
        pause = _HEARD_PAUSE_SECONDS if self._device_side.hears_changes else _PAUSE_SECONDS
        return left if held.is_agreed else min(left, pause)

    def _is_superseded(self, held: Held, look: StoreLook) -> bool:
        """Whether a newer change was announced before the one that is held got its moment."""
        own = look.of(self._device_side.distribution.snapshot.generation, held.snapshot.generation)
        is_newer = bool(look.switches) and look.switches[0].generation > held.snapshot.generation
        return is_newer and not held.is_agreed and (own is None or own.switch_at is None)

    def _is_over(self, snapshot: Snapshot, look: StoreLook) -> bool:
        """Whether the moment of the newest change that this snapshot brings has passed.

        If only an earlier one's has, this worker is late. But it may not be ahead of the others either.
        """
        switch = look.of(self._device_side.distribution.snapshot.generation, snapshot.generation)
        return switch is not None and not switch.is_pending(self.clock.time(time.monotonic()), self._terms)

    def _agree(self, held: Held, look: StoreLook) -> None:
        """Report what is prepared, and follow the moment as far as it is known."""
        switch = look.of(self._device_side.distribution.snapshot.generation, held.snapshot.generation)
        if switch is None:  # read while it was being changed: the next check knows more
            return
        if held.is_agreed and switch == self._agreed:
            return  # somebody may have set the database's clock since: all others follow the moment as it was
        moment = self.clock.monotonic(switch.moment(self._terms))
        self._switchover.move(held, moment, is_agreed=switch.switch_at is not None)
        self._agreed = switch
        if switch.switch_at is not None or self._report is None:
            return
        if self.said_prepared < switch.generation:
            self._report(held.snapshot.generation)
            self.said_prepared = switch.generation
        else:
            self._device_side.agree(self._terms)
