"""The snapshot with which an instance begins: not ahead of the workers that wait for an announced moment."""

import time
from collections.abc import Callable

from engage_server.composition.device_side import DeviceSide
from engage_server.records import SwitchTerms
from engage_server.services.distribution.snapshot import ServedRelease, Snapshot

_PAUSE_SECONDS = 0.05

TryOut = Callable[[ServedRelease], None] | None


def settled_snapshot(side: DeviceSide, try_out: TryOut, terms: SwitchTerms, seconds: float) -> Snapshot | None:
    """Read the store, and return it if no moment of an announced change in it is still to come.

    Args:
        side: The store.
        try_out: As for :meth:`.DeviceSide.take_snapshot`.
        terms: How long workers wait for each other.
        seconds: How long to wait for such a moment at most. None is returned then.

    Raises:
        EngageError: The store cannot be read.
    """
    until = time.monotonic() + seconds
    while True:
        snapshot = side.take_snapshot(try_out)
        if not side.look().is_pending(terms):  # asked afterwards: an announcement in between is in the snapshot
            return snapshot
        while side.look().is_pending(terms):
            if time.monotonic() >= until:
                return None
            time.sleep(_PAUSE_SECONDS)


def snapshot_to_begin_with(side: DeviceSide, try_out: TryOut, terms: SwitchTerms) -> Snapshot:
    """Read the store for an instance that starts, or reads its settings again.

    While an activation waits for its moment, and other workers serve devices, this waits with them. Otherwise a device
    could get the notice of one release from them, and the chain of another from here.

    Raises:
        EngageError: The store cannot be read.
    """
    # without the database nobody agrees on a moment
    if side.copy is None and terms.is_together and side.is_served():
        seconds = (terms.limit + terms.lead).total_seconds()
        settled = settled_snapshot(side, try_out, terms, seconds)
        if settled is not None:
            return settled
    return side.take_snapshot(try_out)
