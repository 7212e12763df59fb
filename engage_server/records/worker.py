"""A worker process as the store knows it: what it serves, and when it last reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

# a worker reports every 5 s, and at once when it serves another snapshot
LIVE_WITHIN = timedelta(seconds=12)


@dataclass(frozen=True, slots=True)
class HostSpool:
    """What a host last said about what waits on its disk alone.

    Attributes:
        host: The name of the machine.
        waiting_bytes: How much was not in the store yet.
        said_at: When it said so; aware, UTC, by the database's clock.
    """

    host: str
    waiting_bytes: int
    said_at: datetime


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
    """

    worker: str
    host: str
    pid: int
    listener: str
    generation: int
    served: Mapping[str, int]
    trouble: Mapping[str, str]
    seen_at: datetime | None = None
