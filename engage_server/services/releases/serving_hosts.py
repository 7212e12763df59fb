"""The machines that serve devices: who is alive, who went without a goodbye, and forgetting who is gone for good."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engage_server.records import LIVE_WITHIN, AuditAction, Occasion, WorkerStatus
from engage_server.store.interface import WorkerStore


@dataclass(frozen=True, slots=True)
class ServingHost:
    """One machine.

    Attributes:
        name: Its host name.
        alive: Its workers that are heard.
        silent: Those that are not, and said no goodbye.
    """

    name: str
    alive: tuple[WorkerStatus, ...]
    silent: tuple[WorkerStatus, ...]

    @property
    def is_alive(self) -> bool:
        """Whether any worker of it is heard."""
        return bool(self.alive)

    @property
    def heard_at(self) -> datetime | None:
        """When it was heard last, by the database's clock."""
        return max((each.seen_at for each in (*self.alive, *self.silent) if each.seen_at), default=None)


class ServingHosts:
    """All machines that the store has heard of.

    Args:
        store: Where workers say what they serve.
    """

    def __init__(self, store: WorkerStore) -> None:
        self._store = store

    def all(self) -> Sequence[ServingHost]:
        """By name."""
        silent = self._store.silent_workers(LIVE_WITHIN)
        alive = self._store.workers(LIVE_WITHIN)
        heard = {each.worker for each in alive}
        return [
            ServingHost(
                name,
                tuple(each for each in alive if each.host == name),
                tuple(each for each in silent if each.host == name and each.worker not in heard),
            )
            for name in sorted({each.host for each in (*alive, *silent)})
        ]

    def forget(self, name: str, reason: str, occasion: Occasion) -> int:
        """Count a host no longer that is gone for good; how many workers it had.

        Args:
            name: Its name.
            reason: Why, for the audit log; may be "".
            occasion: Who and when.

        Raises:
            NotFound: No such host is known.
            Conflict: It is alive.
        """
        host = next((each for each in self.all() if each.name == name), None)
        heard = host.heard_at if host else None
        facts = {"host": name, "heard_last": heard.isoformat(timespec="seconds") if heard else ""}
        event = replace(occasion.event(AuditAction.HOST_FORGOTTEN, **facts), reason=reason)
        return self._store.forget_host(name, LIVE_WITHIN, event)
