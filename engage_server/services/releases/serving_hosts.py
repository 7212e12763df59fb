"""The machines that serve devices: those alive, those that stopped without signing off, and forgetting one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engage_server.records import LIVE_WITHIN, AuditAction, HostSpool, Occasion, WorkerStatus
from engage_server.services.releases.confirmation import OPERATORS
from engage_server.store.interface import WorkerStore


@dataclass(frozen=True, slots=True)
class ServingHost:
    """One machine.

    Attributes:
        name: Its host name.
        alive: Its workers that report.
        silent: Its workers that stopped reporting without signing off.
        spool: What it last said about what waits on its disk. None: nothing.
    """

    name: str
    alive: tuple[WorkerStatus, ...]
    silent: tuple[WorkerStatus, ...]
    spool: HostSpool | None = None

    @property
    def is_alive(self) -> bool:
        """Whether any of its workers reports."""
        return bool(self.alive)

    @property
    def is_doubled(self) -> bool:
        """Whether two operators' instances report from it: two machines have its name, or one was just restarted."""
        return sum(each.listener == OPERATORS for each in self.alive) > 1

    @property
    def heard_at(self) -> datetime | None:
        """When it was last heard, by the database's clock."""
        seen = max((each.seen_at for each in (*self.alive, *self.silent) if each.seen_at), default=None)
        return seen or (self.spool.said_at if self.spool else None)

    @property
    def waiting_bytes(self) -> int:
        """How much waited on its disk alone when it last said so."""
        return self.spool.waiting_bytes if self.spool else 0


class ServingHosts:
    """All machines that have reported to the store.

    Args:
        store: Where workers report what they serve.
    """

    def __init__(self, store: WorkerStore) -> None:
        self._store = store

    def all(self) -> Sequence[ServingHost]:
        """All hosts, by name: with those that signed off before all on their disks was stored."""
        silent = self._store.silent_workers(LIVE_WITHIN)
        alive = self._store.workers(LIVE_WITHIN)
        heard = {each.worker for each in alive}
        spools = {each.host: each for each in self._store.spools()}
        left = {host for host, spool in spools.items() if spool.waiting_bytes}
        return [
            ServingHost(
                name,
                tuple(each for each in alive if each.host == name),
                tuple(each for each in silent if each.host == name and each.worker not in heard),
                spools.get(name),
            )
            for name in sorted({each.host for each in (*alive, *silent)} | left)
        ]

    def forget(self, name: str, reason: str, occasion: Occasion) -> int:
        """Forget a host that is gone for good, and return how many workers it had.

        Args:
            name: The host's name.
            reason: The reason for the audit log; may be "".
            occasion: Who and when.

        Raises:
            NotFound: No such host is known.
            Conflict: It is alive.
        """
        host = next((each for each in self.all() if each.name == name), None)
        heard = host.heard_at if host else None
        facts = {"host": name, "heard_last": heard.isoformat(timespec="seconds") if heard else ""}
        if host and host.waiting_bytes:
            facts["waiting_bytes"] = str(host.waiting_bytes)
        event = occasion.because(reason).event(AuditAction.HOST_FORGOTTEN, **facts)
        return self._store.forget_host(name, LIVE_WITHIN, event)
