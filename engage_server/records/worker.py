"""A worker process as the store knows it: what it serves, and when it last reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

# a worker reports every 5 s, and at once when it serves another snapshot
LIVE_WITHIN = timedelta(seconds=12)

DEVICE_LISTENERS = ("http", "https")
LATE_SECONDS = 0.1  # after the agreed moment: more than the clocks and a busy machine explain
CLOCK_OFF_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class HostSpool:
    """What a host last said about what waits on its disk alone.

    Attributes:
        host: The name of the machine.
        waiting_bytes: How much was not in the store yet.
        said_at: When it said so; aware, UTC, by the database's clock.
        copy_behind_since: Since when its copy of shared files lacks a change; aware, UTC, by the database's
            clock. None: it has all.
    """

    host: str
    waiting_bytes: int
    said_at: datetime
    copy_behind_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker's last report.

    Attributes:
        worker: Unique: ``https 4711 on gate-1``.
        host: The name of its machine.
        pid: Its process number there.
        listener: ``http``, ``https`` or ``operators``.
        generation: The store's, as far as it has checked. Earlier changes are served, or are in ``trouble``.
        served: The release that it serves, by site.
        trouble: Why it serves an older release than the current one, by site. Under "": why sightings of its machine
            may be missing in the store. Empty if all is well.
        seen_at: Aware, UTC, by the database's clock.
        prepared: The newest generation that it could serve at once, and serves at the moment that all agree on.
        switched_at: When it began to serve other releases for the last time, by the database's clock. None: not known.
        late_seconds: By how many seconds it missed the agreed moment then. None: no moment was agreed on.
        clock_offset: The seconds by which its host's clock is ahead of the database's. None: not measured.
    """

    worker: str
    host: str
    pid: int
    listener: str
    generation: int
    served: Mapping[str, int]
    trouble: Mapping[str, str]
    seen_at: datetime | None = None
    prepared: int = 0
    switched_at: datetime | None = None
    late_seconds: float | None = None
    clock_offset: float | None = None

    @property
    def is_late(self) -> bool:
        """Whether it began to serve its releases later than the others."""
        return self.late_seconds is not None and self.late_seconds > LATE_SECONDS

    @property
    def is_clock_off(self) -> bool:
        """Whether its host's clock differs from the database's by more than a second."""
        return self.clock_offset is not None and abs(self.clock_offset) > CLOCK_OFF_SECONDS
