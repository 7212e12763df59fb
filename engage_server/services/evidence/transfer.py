"""Moves sightings from the spool into the store: each exactly once, however often either side is interrupted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from engage_server.records import VIRTUAL_LOCK, Sighting
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.evidence.fold import fold
from engage_server.services.evidence.reading.ahead import one_ahead
from engage_server.services.evidence.reading.in_order import Piece, in_order
from engage_server.services.evidence.reading.rewound import Rewinds
from engage_server.services.evidence.sighting_times import dated
from engage_server.services.evidence.sightings import spooled
from engage_server.services.evidence.spool import Segment, kept_segments, segments, waiting_bytes
from engage_server.services.evidence.token_check import TokenCheck
from engage_server.store.interface import EvidenceStore, SiteStore, SpoolPart

# About 1,000 sightings in one transaction. SQLite has one writer at a time, and operators wait for it.
BATCH_BYTES = 128 * 1024
# About 4,000. On PostgreSQL only other hosts' sightings and lists of devices wait for it.
LARGE_BATCH_BYTES = 4 * BATCH_BYTES
_KEPT_FOR = timedelta(hours=1)  # a failover takes a minute, and a person who forces one takes longer


class TransferStore(EvidenceStore, SiteStore, Protocol):
    """The part of the store that the transfer needs."""


@dataclass(slots=True)
class Transferred:
    """The result of a transfer.

    Attributes:
        stored: How many sightings were added to the store.
        disregarded: How many of them do not count: a clock was wrong, or a virtual lock marked itself.
        unreadable: How many lines were not sightings. They are dropped.
    """

    stored: int = 0
    disregarded: int = 0
    unreadable: int = 0


class SightingTransfer:
    """Moves sightings. There must be only one on each host (see :func:`engage_server.services.evidence.spool.claim`).

    The store keeps how far each file was read, and changes that in the transaction that adds the sightings. So after a
    crash at any moment, the next transfer continues exactly where this one stopped.

    The store may also go back in time: a standby takes over that had not received everything. Then its offsets are
    older, too, and what lies behind them is moved again, as long as the file is there.

    Args:
        folder: The spool.
        store: The store.
        keep: How long the store keeps sightings.
        reserve: The room that must stay free on the store's disk; None for none, as when it is on another machine.
        tokens: Checks tokens; None if no site key can be unsealed. Then no token proves anything.
        kept_bytes: How much of what is stored stays on this disk for an hour. 0 for a store that cannot fail over.

    Attributes:
        rewinds: Whether this machine went back to an earlier state.
    """

    def __init__(
        self,
        folder: Path,
        store: TransferStore,
        keep: timedelta,
        reserve: DiskReserve | None = None,
        tokens: TokenCheck | None = None,
        kept_bytes: int = 0,
    ) -> None:
        self._reserve = reserve
        self._tokens = tokens
        self._folder = folder
        self._kept_bytes = kept_bytes
        self._store = store
        self._keep = keep
        self._batch_bytes = LARGE_BATCH_BYTES if store.takes_large_batches else BATCH_BYTES
        self._installed_at: datetime | None = None
        self._for_trials: frozenset[str | None] = frozenset()
        self.rewinds = Rewinds(folder, lambda part, now: store.record_parts([part], fold, now))

    def run(self, now: datetime, count: Callable[[Transferred], None] = lambda batch: None) -> Transferred:
        """Move everything that is there now, each batch in its own transaction.

        Args:
            now: The time, timezone-aware.
            count: Called with each batch when it is stored.

        Raises:
            StoreNotUsable: The database is away. Batches that were moved stay in the store, the rest in the spool.
            NotPossible: Its disk has only the operators' reserve left. Everything stays in the spool.
        """
        if self._reserve is not None:
            self._reserve.assert_room(self._batch_bytes)
        done = Transferred()
        found, offsets = self._with_offsets(now)
        sites = self._store.sites() if found else ()
        self._installed_at = min((site.created_at for site in sites), default=None)
        self._for_trials = frozenset(site.name for site in sites if site.for_trials)
        if self._tokens is not None:
            self._tokens.begin()
        pieces = in_order(found, offsets, lambda lines: self._readable(lines, now))
        with closing(one_ahead(self._batches(pieces))) as batches:  # a batch is parsed while the one before is stored
            for batch in batches:
                stored = self._store_batch(batch, now)
                done.stored += stored.stored
                done.disregarded += stored.disregarded
                done.unreadable += stored.unreadable
                count(stored)
        return done

    def waiting_bytes(self) -> int:
        """How much of the spool is not in the store yet.

        Raises:
            StoreNotUsable: The database is away.
        """
        return waiting_bytes(self._folder, self._store.spool_offsets)

    def forget_old(self, now: datetime) -> int:
        """Remove sightings that are older than the time they are kept, and addresses that no device used lately.

        Returns:
            How many sightings were removed. The histories of devices stay.

        Raises:
            StoreNotUsable: The database is away.
        """
        self._store.forget_addresses(now)
        return self._store.forget_sightings(now - self._keep)

    def _with_offsets(self, now: datetime) -> tuple[list[Segment], Mapping[str, int]]:
        """Return the files that may hold lines that are not in the store, and where each was read to."""
        found = list(segments(self._folder))
        kept = kept_segments(self._folder, now - _KEPT_FOR, self._kept_bytes)
        names = [segment.name for segment in (*found, *kept)]
        offsets: Mapping[str, int] = self._store.spool_offsets(names) if names else {}
        found, offsets = self.rewinds.continued(found, offsets, names, now)
        found += [each.taken_back() for each in kept if offsets.get(each.name, 0) < each.size]
        return found, offsets

    def _batches(self, pieces: Iterable[Piece]) -> Iterator["_Batch"]:
        batch = _Batch()
        for piece in pieces:
            batch.add(piece)
            if batch.bytes >= self._batch_bytes:
                yield batch
                batch = _Batch()
        if batch.bytes or batch.ended:
            yield batch

    def _store_batch(self, batch: "_Batch", now: datetime) -> Transferred:
        """Store a batch. The files that end with it are kept for a while, or removed."""
        done = Transferred(unreadable=batch.unreadable)
        parts = batch.parts()
        self.rewinds.tried(parts)
        if parts:
            recorded = self._store.record_parts(parts, fold, now)
            found = [sighting for part in parts if part.segment in recorded for sighting in part.sightings]
            done.stored, done.disregarded = len(found), sum(bool(sighting.disregarded) for sighting in found)
        for piece in batch.ended:
            self._let_go(piece, now)
        return done

    def _let_go(self, ended: Piece, now: datetime) -> None:
        if self._kept_bytes and ended.end:
            ended.segment.keep(ended.end, now)
        else:
            ended.segment.remove()

    def _readable(self, lines: Sequence[bytes], now: datetime) -> list[Sighting]:
        """Parse lines and check their tokens. Tokens end here: only what they prove goes on."""
        sightings = []
        for line in lines:
            found = spooled(line)
            if found is None:
                continue
            sighting = found.sighting
            if sighting.disregarded == VIRTUAL_LOCK and sighting.site in self._for_trials:
                sighting = replace(sighting, disregarded="")
            sighting = dated(sighting, now, self._installed_at)
            if found.token and self._tokens is not None:
                sighting = self._tokens.checked(sighting, found.token)
            sightings.append(sighting)
        return sightings


@dataclass(slots=True)
class _Batch:
    """Pieces that are stored in one transaction: those of one file follow each other.

    Attributes:
        pieces: By the name of their file, in their order.
        ended: The last piece, without a line, of each file that ends with it.
        bytes: Of all lines.
        unreadable: How many lines were not sightings.
    """

    pieces: dict[str, list[Piece]] = field(default_factory=dict)
    ended: list[Piece] = field(default_factory=list)
    bytes: int = 0
    unreadable: int = 0

    def add(self, piece: Piece) -> None:
        """Add a piece."""
        if piece.is_last:
            self.ended.append(piece)
            return
        self.pieces.setdefault(piece.segment.name, []).append(piece)
        self.bytes += piece.end - piece.begin
        self.unreadable += piece.unreadable

    def parts(self) -> list[SpoolPart]:
        """What is stored of each file."""
        return [
            SpoolPart(name, found[0].begin, found[-1].end, [each for piece in found for each in piece.sightings])
            for name, found in self.pieces.items()
        ]
