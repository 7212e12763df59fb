"""A worker process, as the store knows it: what it serves, and that it lives."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

# a worker says something every 5 s, and at once when it serves another snapshot
LIVE_WITHIN = timedelta(seconds=12)


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What a worker said last.

    Attributes:
        worker: Unique: ``https 4711 on gate-1``.
        host: The name of its machine.
        pid: Its process number there.
        listener: ``http``, ``https`` or ``operators``.
        generation: Of the store, as far as it has looked: whatever changed until then is served, or is in ``trouble``.
        served: The release that it serves, by site.
        trouble: Why it serves an older release than the current one, by site; under "" why what devices did on its
            machine may be missing in the store. Empty when all is well.
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
