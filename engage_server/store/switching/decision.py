"""Who is waited for before a change is served, and when all workers begin to serve it. Pure: time is an argument."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.records import DEVICE_LISTENERS, LIVE_WITHIN, Switch, SwitchTerms

_ONE_CLOCK = timedelta(seconds=1)  # after a failover, two servers' clocks may differ a little


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far a worker is.

    Attributes:
        worker: Its name.
        listener: Its listener.
        prepared: The newest generation that it serves, or could serve at once.
        seen_at: Its last report, by the database's clock.
    """

    worker: str
    listener: str
    prepared: int
    seen_at: datetime


def awaited(workers: Iterable[Readiness], generation: int, now: datetime) -> list[str]:
    """Return the workers that must still prepare this generation: those that serve devices and have reported lately.

    Who signed off is not among the workers. Who is silent for longer may be gone, and is never waited for.
    """
    return [
        each.worker
        for each in workers
        if each.listener in DEVICE_LISTENERS and each.prepared < generation and each.seen_at >= now - LIVE_WITHIN
    ]


def moment(switch: Switch, workers: Iterable[Readiness], now: datetime, terms: SwitchTerms) -> datetime | None:
    """Return when all workers begin to serve a change. None: somebody is still waited for.

    It is never later than the latest moment, which a worker without the database computes by itself. When the limit is
    over, it is exactly that one. Workers that prepared in time then switch together even without the database.

    If the database's clock was set back since the announcement, nobody knows how long they have waited. Then they wait
    no longer.

    Args:
        switch: The announced change.
        workers: All that are known.
        now: The database's time.
        terms: How long they wait for each other.
    """
    latest = switch.latest(terms)
    if now >= switch.announced_at + terms.limit:
        return latest
    if now >= switch.announced_at - _ONE_CLOCK and awaited(workers, switch.generation, now):
        return None
    return min(now + terms.lead, latest)
