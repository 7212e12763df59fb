"""Reads all files of a spool side by side, in the order of time. Each worker writes its own files.

So what one device did in one night lies side by side, and its history is changed once for all of it. After a night
without the store, the result is nearly that of storing each line when it was written.

A device asks by plain HTTP first, with its serial number. A refused handshake has none, and counts for the only device
at its address: so a second device there has to be known by then. Lines of the TLS instance are therefore read only
when all plain ones of their time are.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush

from engage_server.records import Sighting
from engage_server.services.evidence.spool import Segment

READ_BYTES = 32 * 1024  # of one file at a time; more than a line has
# So far one file may be ahead of another one at the end of a batch. At a small site, more could be a night.
PIECE_LINES = 16
_TLS = "https"
_AT_ONCE = datetime.min.replace(tzinfo=UTC)  # a file without a time is read first

Readable = Callable[[Sequence[bytes]], list[Sighting]]


@dataclass(slots=True)
class Piece:
    """Some lines of one file.

    Attributes:
        segment: The file.
        begin, end: The offsets of its first line and after its last one.
        sightings: What the lines say, in their order.
        unreadable: How many lines were not sightings.
        is_last: The file is finished and nothing follows: it can be removed when all before is stored.
    """

    segment: Segment
    begin: int
    end: int
    sightings: list[Sighting]
    unreadable: int = 0
    is_last: bool = False


def in_order(found: Iterable[Segment], offsets: Mapping[str, int], readable: Readable) -> Iterator[Piece]:
    """Read files to their ends, the one that lags behind first.

    Args:
        found: The files.
        offsets: How far each is in the store, by its name. A file that is left out was never read.
        readable: Returns the sightings of some lines. It leaves out lines that are none.
    """
    sources = [_Source(segment, offsets.get(segment.name, 0), readable) for segment in found]
    waiting = [(source.begins(), turn) for turn, source in enumerate(sources)]
    heapify(waiting)
    while waiting:
        _, turn = heappop(waiting)
        source = sources[turn]
        if source.piece is not None:
            yield source.piece
        source.advance()
        if source.piece is not None:
            heappush(waiting, (source.due(), turn))
        elif source.is_finished:
            yield Piece(source.segment, source.offset, source.offset, [], is_last=True)


@dataclass(slots=True)
class _Source:
    """One file, and the piece of it that is read next."""

    segment: Segment
    offset: int
    readable: Readable
    piece: Piece | None = None
    is_finished: bool = field(init=False)
    lines: deque[bytes] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Ask first whether the file is finished: lines that are written later must not be removed unread."""
        self.is_finished = self.segment.is_finished()

    def begins(self) -> datetime:
        """When its first line was written. Nothing is kept of it: a spool may have hundreds of files."""
        lines, _ = self.segment.lines(self.offset, READ_BYTES)
        first = self.readable(lines[:1])
        return first[0].at if first else _AT_ONCE

    def advance(self) -> None:
        """Take the next piece."""
        if not self.lines:
            self.lines.extend(self.segment.lines(self.offset, READ_BYTES)[0])
        lines = [self.lines.popleft() for _ in range(min(PIECE_LINES, len(self.lines)))]
        if not lines:
            self.piece = None
            return
        begin, self.offset = self.offset, self.offset + sum(map(len, lines)) + len(lines)  # each has its newline
        sightings = self.readable(lines)
        self.piece = Piece(self.segment, begin, self.offset, sightings, len(lines) - len(sightings))

    def due(self) -> datetime:
        """When the piece is read. One of the TLS instance waits until the plain ones have come as far as its end."""
        sightings = self.piece.sightings if self.piece else []
        if not sightings:
            return _AT_ONCE
        return sightings[-1].at if sightings[0].listener == _TLS else sightings[0].at
