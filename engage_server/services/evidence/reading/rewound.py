"""Finds that this machine went back to an earlier state of its disk and memory: a snapshot was restored and goes on.

Its processes know nothing of that. They append to files that the store has further already. What they append below the
store's offset would never be read. But only one process of a host moves its files, and that one remembers how far it
moved each. If the store has more of a file, an earlier life of this process moved that. Then the file is continued
under a new name, from where this process was. At most what it had not moved when the snapshot was made is moved twice.

A restored disk without the memory needs none of this: each process begins new files. Nor does a store that was
restored together with the machine. A process that moves files and was started since the restore
trusts the store, unless a file is shorter. So it may miss what another process has appended.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engage_server.files import SECRET_MODE, replace_file
from engage_server.services.evidence.spool import Segment
from engage_server.store.interface import SpoolPart

MARK = "went-back"
_SAID_FOR = timedelta(days=1)  # each door calls once in that time


@dataclass(frozen=True, slots=True)
class WentBack:
    """Between two times, evidence of this machine may be missing.

    Attributes:
        since: When this process last moved its files in the state that was restored; aware, UTC.
        found_at: When it found that the machine went back; aware, UTC.
    """

    since: datetime
    found_at: datetime

    @property
    def sentence(self) -> str:
        """What is said of it."""
        return (
            f"that machine went back to a snapshot of {self.since:%Y-%m-%d %H:%M} UTC. Sightings that lay on its disk "
            f"alone, from then until {self.found_at:%Y-%m-%d %H:%M} UTC, are missing"
        )


class Rewinds:
    """Remembers how far this process moved each file. Used by one thread.

    Args:
        folder: The spool.
        begin: Records a new name in the store, as read up to an offset.
    """

    def __init__(self, folder: Path, begin: Callable[[SpoolPart, datetime], object]) -> None:
        self._mark = folder / MARK
        self._begin = begin
        self._own: dict[str, int] = {}
        self._has_looked = False
        self._moved_at: datetime | None = None

    def tried(self, parts: Sequence[SpoolPart]) -> None:
        """Remember what is about to be stored. It may be stored even if that fails: the connection may be lost."""
        for part in parts:
            self._own[part.segment] = max(part.end, self._own.get(part.segment, 0))

    def continued(
        self, found: Iterable[Segment], offsets: Mapping[str, int], names: Iterable[str], now: datetime
    ) -> tuple[list[Segment], dict[str, int]]:
        """Continue each file under a new name of which the store has more than this process moved.

        Args:
            found: The files that may hold lines that are not in the store.
            offsets: How far each is in the store, by its name.
            names: Of all files, with those that are kept although all of them was stored.
            now: The time, timezone-aware.

        Returns:
            The files and offsets that are right now.

        Raises:
            StoreNotUsable: The database is away.
            FileNotUsable: The spool cannot be written.
        """
        right, right_offsets = [], dict(offsets)
        own = {name: self._own[name] for name in names if name in self._own}
        for segment in found:
            offset = right_offsets.get(segment.name, 0)
            moved = own.setdefault(segment.name, self._trusted(segment, offset))
            if offset > moved:
                self._say(now)
                segment = self._under_new_name(segment, moved, now)
                right_offsets[segment.name] = own[segment.name] = moved
            right.append(segment)
        if not self._has_looked:  # those that are kept, of earlier processes
            own = {name: offsets.get(name, 0) for name in names} | own
        self._own, self._has_looked, self._moved_at = own, True, now
        return right, right_offsets

    def said(self, now: datetime) -> WentBack | None:
        """What has to be said of the last time, for a day."""
        try:
            since, found_at = map(datetime.fromisoformat, self._mark.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return None
        return WentBack(since, found_at) if found_at <= now < found_at + _SAID_FOR else None

    def _trusted(self, segment: Segment, offset: int) -> int:
        """How far a file was moved that this process has not seen before.

        One that appears while it runs, it has not moved. One of an earlier process may be as the store says, unless it
        is shorter. If that one is finished, nothing will be appended to it.
        """
        is_shorter = offset > segment.size and not segment.is_finished()
        return 0 if self._has_looked or is_shorter else offset

    def _under_new_name(self, segment: Segment, moved: int, now: datetime) -> Segment:
        # also by the time: what makes names at random may be as it was when the snapshot was made
        name = uuid.uuid5(uuid.uuid4(), f"{segment.name} {now.isoformat()}").hex
        if moved:
            self._begin(SpoolPart(name, 0, moved, []), now)
        return segment.renamed(name)

    def _say(self, now: datetime) -> None:
        times = (self._moved_at or now, now)
        words = " ".join(each.astimezone(UTC).isoformat(timespec="seconds") for each in times)
        replace_file(self._mark, f"{words}\n".encode("ascii"), SECRET_MODE)
