"""Moves path events from the ingress's spool into the store, each exactly once, and folds them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from engage_server.records import PathEvent
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.evidence.spool import Segment, segments
from engage_server.services.site_path.event_lines import SUFFIX, event_of
from engage_server.services.site_path.fold import fold
from engage_server.store.interface import PathStore

BATCH_BYTES = 128 * 1024
_FOLDED_AT_ONCE = 1000


class PathEventTransfer:
    """Moves events. There must be only one on each host (see :func:`engage_server.services.evidence.spool.claim`).

    Args:
        folder: The spool.
        store: The store.
        keep: How long the store keeps events.
        reserve: The room that must stay free on the store's disk. None for none.
    """

    def __init__(self, folder: Path, store: PathStore, keep: timedelta, reserve: DiskReserve | None = None) -> None:
        self._folder = folder
        self._store = store
        self._keep = keep
        self._reserve = reserve

    def run(self, now: datetime) -> int:
        """Move everything that is there now, then fold what is not folded yet, from any source.

        Args:
            now: The time; aware.

        Returns:
            How many lines were read.

        Raises:
            StoreNotUsable: The database is away. What was moved stays in the store, the rest in the spool.
            NotPossible: Its disk has only the operators' reserve left.
        """
        if self._reserve is not None:
            self._reserve.assert_room(BATCH_BYTES)
        found = list(segments(self._folder, SUFFIX))
        offsets = self._store.path_offsets([segment.name for segment in found]) if found else {}
        read = sum(self._move(segment, offsets.get(segment.name, 0), now) for segment in found)
        while self._store.fold_path_events(partial(fold, now=now), _FOLDED_AT_ONCE) == _FOLDED_AT_ONCE:
            pass
        return read

    def forget_old(self, now: datetime) -> int:
        """Remove events that are older than the time they are kept. What follows from them stays.

        Raises:
            StoreNotUsable: The database is away.
        """
        return self._store.forget_path_events(now - self._keep)

    def _move(self, segment: Segment, offset: int, now: datetime) -> int:
        finished = segment.is_finished()  # asked first: lines that are written later must not be removed unread
        read = 0
        while True:
            lines, end = segment.lines(offset, BATCH_BYTES)
            if not lines:
                break
            self._store.record_path_events(segment.name, offset, end, _readable(lines), now)
            read += len(lines)
            offset = end
        if finished:
            segment.remove()
        return read


def _readable(lines: Sequence[bytes]) -> list[PathEvent]:
    return [event for event in map(event_of, lines) if event is not None]
