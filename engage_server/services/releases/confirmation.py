"""Whether every worker serves what the store says: the proof that an activation has arrived."""

from dataclasses import dataclass
from datetime import datetime

from engage_server.records import LIVE_WITHIN, WorkerStatus
from engage_server.store.interface import WorkerStore

DEVICE_LISTENERS = ("http", "https")
OPERATORS = "operators"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How far a change has arrived.

    Attributes:
        generation: Of the store, that the workers have to reach.
        confirmed: Workers that serve it.
        behind: Workers that have not looked yet.
        silent: Workers that are not heard any more, said no goodbye, and may serve what was current before.
        unable: Workers that have looked and cannot load the site's release; they serve their last good one.
    """

    generation: int
    confirmed: tuple[WorkerStatus, ...]
    behind: tuple[WorkerStatus, ...]
    unable: tuple[WorkerStatus, ...]
    silent: tuple[WorkerStatus, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether no worker is missing that may serve devices."""
        return not self.behind and not self.unable and not self.silent


class Confirmations:
    """Asks what workers say.

    Args:
        store: Where they say it.
    """

    def __init__(self, store: WorkerStore) -> None:
        self._store = store

    def generation(self) -> int:
        """What workers have to reach to serve all that was changed until now."""
        return self._store.generation()

    def workers(self) -> tuple[WorkerStatus, ...]:
        """The live workers that serve devices."""
        return tuple(each for each in self._store.workers(LIVE_WITHIN) if each.listener in DEVICE_LISTENERS)

    def look(self, site: str, generation: int) -> Confirmation:
        """Which live workers serve what the site was given by this generation."""
        workers = self.workers()
        arrived = [each for each in workers if each.generation >= generation]
        return Confirmation(
            generation,
            confirmed=tuple(each for each in arrived if site not in each.trouble),
            behind=tuple(each for each in workers if each.generation < generation),
            unable=tuple(each for each in arrived if site in each.trouble),
            silent=self.silent(),
        )

    def silent(self) -> tuple[WorkerStatus, ...]:
        """Workers that served devices when they were heard last, and said no goodbye."""
        return tuple(each for each in self._store.silent_workers(LIVE_WITHIN) if each.listener in DEVICE_LISTENERS)

    def silent_hosts(self) -> dict[str, datetime | None]:
        """Hosts of which no worker is heard any more, without a goodbye; and when each was heard last.

        Such a host may be gone, or be cut off from the database and serve devices all the same.
        """
        silent = self._store.silent_workers(LIVE_WITHIN)  # first: who comes back in between is alive
        alive = {each.host for each in self._store.workers(LIVE_WITHIN)}
        found: dict[str, datetime | None] = {}
        for each in sorted(silent, key=lambda each: (each.host, each.seen_at)):
            if each.host not in alive:
                found[each.host] = each.seen_at
        return found

    def gaps(self) -> tuple[str, ...]:
        """Why the evidence may not be complete now, a sentence each; then nobody can be called silent."""
        live = self._store.workers(LIVE_WITHIN)
        collecting = {each.host for each in live if each.listener == OPERATORS}
        serving = {each.host for each in live if each.listener in DEVICE_LISTENERS}
        missing = [
            f"host {host} serves devices, but its operators' instance, which brings what they do, is not there"
            for host in sorted(serving - collecting)
        ]
        late = [f"host {each.host}: {each.trouble['']}" for each in live if each.trouble.get("")]
        cut_off = [
            f"host {host} {_heard(at)} and said no goodbye; if it is gone for good: engage host forget {host}"
            for host, at in self.silent_hosts().items()
        ]
        return (*cut_off, *missing, *late)


def _heard(at: datetime | None) -> str:
    return f"was heard last at {at:%Y-%m-%d %H:%M} UTC" if at else "is not heard"
