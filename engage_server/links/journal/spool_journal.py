"""The journal of the ingress: events go into a spool of files, and the operators' instance stores them."""

import threading
from collections.abc import Sequence
from pathlib import Path

from engage_server.records import PathEvent
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.services.site_path.event_lines import SUFFIX, line_of


class SpoolJournal:
    """Implements :class:`engage_server.links.journal.desk.Journal`. Any thread may use it.

    Args:
        folder: The folder of the spool. It must exist.
        limit_bytes: The most bytes of all its files.
        reserve: The room that must stay free on the disk. None for none.
    """

    def __init__(self, folder: Path, limit_bytes: int, reserve: DiskReserve | None = None) -> None:
        self._writer = SpoolWriter(folder, limit_bytes, reserve, SUFFIX)
        self._writing = threading.Lock()

    @property
    def trouble(self) -> str:
        """Why the latest event was not kept. "" if it was."""
        return self._writer.trouble

    def record(self, events: Sequence[PathEvent]) -> bool:
        """Keep all of these events. False if they cannot be kept."""
        lines = [line_of(event) for event in events]
        with self._writing:
            return not lines or self._writer.append(lines)

    def close(self) -> None:
        """Finish the present file, so that all of it can be stored."""
        with self._writing:
            self._writer.close()
