"""Which worker serves what, and when that changes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from engage_server.records import AuditEvent, WorkerStatus


class WorkerStore(Protocol):
    """Which worker serves what, and when that changes."""

    def generation(self) -> int:
        """A number that grows with every change that a server must follow. Cheap: meant to be polled."""

    def heartbeat(self, status: WorkerStatus) -> None:
        """Note what a worker serves, at the database's time; ``seen_at`` is not read."""

    def remove_worker(self, worker: str) -> None:
        """Forget a worker that has said goodbye: nobody waits for it any more."""

    def workers(self, within: timedelta) -> Sequence[WorkerStatus]:
        """Those that said something within this time, by the database's clock."""

    def silent_workers(self, beyond: timedelta) -> Sequence[WorkerStatus]:
        """Those that said nothing for longer than this, nor goodbye, and that no living one has replaced."""

    def forget_host(self, host: str, live_within: timedelta, event: AuditEvent) -> int:
        """Forget the workers of a host that is gone for good; how many.

        Args:
            host: Its name.
            live_within: A host that was heard within this time is alive.
            event: What the audit log shall say.

        Raises:
            NotFound: No worker of such a host is known.
            Conflict: It is alive.
        """

    def wait_for_change(self, seconds: float) -> bool:
        """Wait so long, or, where the database can tell (PostgreSQL's LISTEN), only until something has changed.

        Returns:
            Whether something may have changed; False when the time is simply over.
        """
