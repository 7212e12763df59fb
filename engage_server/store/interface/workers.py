"""Which worker serves what, and notice of changes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from engage_server.records import AuditEvent, HostSpool, StoreLook, SwitchTerms, WorkerStatus


class WorkerStore(Protocol):
    """Which worker serves what, and notice of changes."""

    def generation(self) -> int:
        """Return a number that grows with every change that a server must follow. Fast enough to be polled."""

    def look(self) -> StoreLook:
        """Return the generation, the newest announced changes, and the database's time. Fast enough to be polled."""

    def prepared(self, status: WorkerStatus, terms: SwitchTerms) -> None:
        """Record what a worker could serve at once. If nobody else is waited for, decide when all begin to serve it.

        Args:
            status: As for :meth:`heartbeat`. ``prepared`` is its newest generation.
            terms: How long workers wait for each other.
        """

    def agree(self, terms: SwitchTerms) -> bool:
        """Decide the moment of the announced change that has none, if nobody is waited for any longer.

        Who was waited for may have signed off, or the limit is over. Changes nothing otherwise.

        Returns:
            Whether this call decided it.
        """

    def heartbeat(self, status: WorkerStatus) -> None:
        """Record what a worker serves, at the database's time. ``seen_at`` is not read."""

    def remove_worker(self, worker: str) -> None:
        """Remove a worker that has signed off: nothing waits for it any more."""

    def workers(self, within: timedelta) -> Sequence[WorkerStatus]:
        """Return the workers that reported within this time, by the database's clock."""

    def silent_workers(self, beyond: timedelta) -> Sequence[WorkerStatus]:
        """Return the workers that have been silent for longer, have not signed off, and were not replaced."""

    def forget_host(self, host: str, live_within: timedelta, event: AuditEvent) -> int:
        """Remove the workers of a host that is gone for good. Return how many.

        Args:
            host: The host's name.
            live_within: A host that reported within this time is alive.
            event: The event for the audit log.

        Raises:
            NotFound: No worker of such a host is known.
            Conflict: The host is alive.
        """

    def report_spool(self, host: str, waiting_bytes: int, copy_behind: timedelta | None = None) -> None:
        """Record how much waits on a host's disk alone, and for how long its copy of shared files has lacked a change.

        None: it has all.
        """

    def spools(self) -> Sequence[HostSpool]:
        """Return what each host last said about that. Hosts that never said anything are left out."""

    def wait_for_change(self, seconds: float) -> bool:
        """Wait this long. If the database announces changes (PostgreSQL's LISTEN), return at the first change.

        Returns:
            Whether something may have changed. False if the time is simply over.
        """
