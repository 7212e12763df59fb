"""Checks that every worker serves what the store says, which proves that an activation has arrived."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.records import DEVICE_LISTENERS, LIVE_WITHIN, HostSpool, WorkerStatus
from engage_server.store.interface import WorkerStore

OPERATORS = "operators"
_COPYING_TAKES = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Which workers a change has reached.

    Attributes:
        generation: The generation of the store that workers have to reach.
        confirmed: Workers that serve it.
        behind: Workers that have not read it yet.
        silent: Workers that stopped reporting without signing off. They may serve what was current before.
        unable: Workers that have read it and cannot load the site's release. They serve their last good one.
    """

    generation: int
    confirmed: tuple[WorkerStatus, ...]
    behind: tuple[WorkerStatus, ...]
    unable: tuple[WorkerStatus, ...]
    silent: tuple[WorkerStatus, ...] = ()

    @property
    def late(self) -> tuple[WorkerStatus, ...]:
        """The confirmed workers that began to serve it later than the others."""
        return tuple(each for each in self.confirmed if each.is_late)

    @property
    def is_complete(self) -> bool:
        """Whether every worker that may serve devices has confirmed."""
        return not self.behind and not self.unable and not self.silent


class Confirmations:
    """Reads what workers report.

    Args:
        store: Where workers report.
    """

    def __init__(self, store: WorkerStore) -> None:
        self._store = store

    def generation(self) -> int:
        """The generation that workers have to reach to serve all changes until now."""
        return self._store.generation()

    def workers(self) -> tuple[WorkerStatus, ...]:
        """The live workers that serve devices."""
        return tuple(each for each in self._store.workers(LIVE_WITHIN) if each.listener in DEVICE_LISTENERS)

    def look(self, site: str, generation: int) -> Confirmation:
        """Sort the live workers by whether they serve what the site has since this generation."""
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
        """Workers that served devices and stopped reporting without signing off."""
        return tuple(each for each in self._store.silent_workers(LIVE_WITHIN) if each.listener in DEVICE_LISTENERS)

    def silent_hosts(self, beyond: timedelta = LIVE_WITHIN) -> dict[str, datetime | None]:
        """Hosts whose workers all stopped reporting without signing off, and when each was last heard.

        Such a host may be gone. Or it is cut off from the database and still serves devices.

        Args:
            beyond: For how long at least, by the database's clock.
        """
        silent = self._store.silent_workers(beyond)  # read first: a worker that comes back in between is alive
        alive = {each.host for each in self._store.workers(LIVE_WITHIN)}
        found: dict[str, datetime | None] = {}
        for each in sorted(silent, key=lambda each: (each.host, each.seen_at)):
            if each.host not in alive:
                found[each.host] = each.seen_at
        return found

    def left_spools(self, beyond: timedelta = timedelta()) -> dict[str, HostSpool]:
        """Hosts that signed off and left sightings on their disks which are not in the store.

        A host with a worker that is alive, or that went silent, is not one of them.

        Args:
            beyond: For how long at least, by the database's clock.
        """
        known = {each.host for each in (*self._store.silent_workers(LIVE_WITHIN), *self._store.workers(LIVE_WITHIN))}
        left = {each.host: each for each in self._store.spools() if each.waiting_bytes and each.host not in known}
        if not left or not beyond:
            return left
        now = self._store.look().now
        return {host: each for host, each in left.items() if now - each.said_at >= beyond}

    def spools(self) -> Mapping[str, HostSpool]:
        """What each host last said about what waits on its disk alone."""
        return {each.host: each for each in self._store.spools()}

    def old_copies(self) -> Mapping[str, datetime]:
        """The live hosts whose copy of shared files has lacked a change for longer than copying takes, and since when.

        One that is silent is named as that.
        """
        alive = {each.host for each in self._store.workers(LIVE_WITHIN)}
        since = {each.host: each.copy_behind_since for each in self._store.spools() if each.copy_behind_since}
        spools = self.spools()
        return {host: at for host, at in since.items() if host in alive and spools[host].said_at - at > _COPYING_TAKES}

    def gaps(self) -> tuple[str, ...]:
        """Why the evidence may be incomplete now, one sentence each. If there is any, no device counts as silent."""
        live = self._store.workers(LIVE_WITHIN)
        collecting = {each.host for each in live if each.listener == OPERATORS}
        serving = {each.host for each in live if each.listener in DEVICE_LISTENERS}
        missing = [
            f"host {host} serves devices, but its operators' instance, which stores the evidence, is not running"
            for host in sorted(serving - collecting)
        ]
        spools = self.spools()
        late = [f"host {each.host}: {each.trouble['']}" for each in live if each.trouble.get("")]
        cut_off = [
            f"host {host} {_heard(at)} and did not sign off{waiting_words(spools.get(host))}. What doors did there "
            "since is not known here, so no door counts as silent. Bring it back with its disk. Only if both are gone "
            f"for good: engage host forget {host}"
            for host, at in self.silent_hosts().items()
        ]
        left = [
            f"host {host} signed off at {spool.said_at:%Y-%m-%d %H:%M} UTC, and {waiting(spool)} on its disk. They are "
            "not known here, so no door counts as silent. Start it again with its disk. Only if both are gone for "
            f"good: engage host forget {host}"
            for host, spool in self.left_spools().items()
        ]
        return (*cut_off, *left, *missing, *late)


def waiting(spool: HostSpool) -> str:
    """How much waited on a host's disk when it last said so, in words."""
    return f"{max(1, spool.waiting_bytes // 1024):,} KiB of sightings waited"


def waiting_words(spool: HostSpool | None) -> str:
    """How much waited on a host's disk when it last said so, to go on with after its silence. "" for nothing."""
    if spool is None or not spool.waiting_bytes:
        return ""
    return f", and {waiting(spool)} on its disk"


def _heard(at: datetime | None) -> str:
    return f"was last heard at {at:%Y-%m-%d %H:%M} UTC" if at else "is no longer heard"
