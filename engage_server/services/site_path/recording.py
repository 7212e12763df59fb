"""Stores path events that a command of this host found out by itself, and folds them at once."""

from collections.abc import Sequence
from functools import partial

from engage_server.records import PathEvent
from engage_server.services.site_path.event_lines import event_of, line_of
from engage_server.services.site_path.fold import fold
from engage_server.store.interface import PathStore

_FOLDED_AT_ONCE = 1000


class PathRecording:
    """Stores path events.

    Args:
        store: The store.
    """

    def __init__(self, store: PathStore) -> None:
        self._store = store

    def record(self, events: Sequence[PathEvent]) -> None:
        """Store events, and let the standings of their links follow from them. When it returns, everybody sees them.

        Raises:
            StoreNotUsable: The database is away.
        """
        self._store.add_path_events([_storable(event) for event in events])
        now = max((event.at for event in events), default=None)
        while self._store.fold_path_events(partial(fold, now=now), _FOLDED_AT_ONCE) == _FOLDED_AT_ONCE:
            pass


def _storable(event: PathEvent) -> PathEvent:
    """The event as the spool would keep it: texts cut, and without characters that no database accepts."""
    stored = event_of(line_of(event))
    assert stored is not None  # noqa: S101  # a property test: every line can be read again
    return stored
