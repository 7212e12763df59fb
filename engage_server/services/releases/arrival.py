"""Waits until every worker serves a change. Workers that certainly no longer exist are left out."""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engage_server.records import WorkerStatus
from engage_server.services.releases.confirmation import Confirmation, Confirmations

_LOOK_SECONDS = 0.1
_TELL_AFTER_SECONDS = 2.0
_A_MISSED_WORD = timedelta(seconds=7)  # a live worker reports every 5 s


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks that waiting needs.

    Attributes:
        seconds: A monotonic clock, which nobody sets.
        now: The wall clock, timezone-aware, UTC.
        pause: Sleeps for so many seconds.
    """

    seconds: Callable[[], float]
    now: Callable[[], datetime]
    pause: Callable[[float], None]


def wait_for_workers(
    confirmations: Confirmations,
    site: str,
    seconds: float,
    clock: Clock,
    tell: Callable[[Sequence[WorkerStatus]], None] = lambda missing: None,
) -> Confirmation:
    """Wait until all workers serve what the site has now, or the time is over.

    A worker that stopped reporting without signing off counts as missing. It may be cut off from the database and
    still serve devices.

    Args:
        confirmations: Knows what workers report.
        site: The site's name.
        seconds: How long to wait at most.
        clock: The clocks.
        tell: Called once, with the missing workers, when it takes longer than people expect.
    """
    generation = confirmations.generation()
    begun, is_told = clock.seconds(), False
    while True:
        found = _without_the_dead(confirmations.look(site, generation), clock.now())
        missing = (*found.behind, *found.silent)
        waited = clock.seconds() - begun
        if not missing or waited >= seconds:
            return found
        if not is_told and waited > _TELL_AFTER_SECONDS:
            tell(missing)
            is_told = True
        clock.pause(_LOOK_SECONDS)


def _without_the_dead(found: Confirmation, now: datetime) -> Confirmation:
    return replace(
        found,
        behind=tuple(each for each in found.behind if _may_be_alive(each, now)),
        silent=tuple(each for each in found.silent if _may_be_alive(each, now)),
    )


def _may_be_alive(status: WorkerStatus, now: datetime) -> bool:
    """Whether a silent worker may still be running. For a worker of this machine the process can be checked."""
    if status.host != socket.gethostname() or status.seen_at is None:
        return True
    if now - status.seen_at < _A_MISSED_WORD:
        return True
    try:
        os.kill(status.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
