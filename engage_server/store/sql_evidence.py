"""The part of the store that holds what devices did."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from engage_server.records import Adoption, AuditEvent, CutPath, DeviceHistory, Grade, RequiredEvidence, Sighting
from engage_server.store.database.engine import LONG_SECONDS, reading, writing
from engage_server.store.evidence import (
    adoption_queries,
    anchor_queries,
    arrival_queries,
    caller_queries,
    history_queries,
    sighting_queries,
)
from engage_server.store.evidence.adoption_kinds import Question
from engage_server.store.interface import AnchorClue, DeviceFilter, Fold, MetReleases, SpoolPart
from engage_server.store.labels import label_queries

_ADDRESSES_KEPT = timedelta(days=30)  # addresses are lent: a later device at the same address is another one


class SqlEvidence:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings apply."""

    _engine: Engine

    @property
    def takes_large_batches(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    def record_parts(self, parts: Sequence[SpoolPart], fold: Fold, at: datetime) -> Collection[str]:
        with writing(self._engine, LONG_SECONDS, gives_way=True) as connection:
            advanced = sighting_queries.advance_all(connection, parts, at)
            if advanced:
                found = sighting_queries.by_time([part for part in parts if part.segment in advanced])
                sighting_queries.insert_sightings(connection, found)
                history_queries.fold_in(connection, found, fold, at)
            return advanced

    def record_sightings(
        self, segment: str, begin: int, end: int, sightings: Sequence[Sighting], fold: Fold, at: datetime
    ) -> bool:
        return bool(self.record_parts([SpoolPart(segment, begin, end, sightings)], fold, at))

    def spool_offsets(self, segments: Sequence[str]) -> Mapping[str, int]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return sighting_queries.select_offsets(connection, segments)

    def forget_sightings(self, before: datetime) -> int:
        removed, slice_ = 0, sighting_queries.MOST_AT_ONCE
        while slice_ == sighting_queries.MOST_AT_ONCE:  # each in a separate transaction: others want to write, too
            with writing(self._engine, LONG_SECONDS, gives_way=True) as connection:
                slice_ = sighting_queries.delete_before(connection, before)
            removed += slice_
        return removed

    def forget_addresses(self, now: datetime) -> None:
        with writing(self._engine, LONG_SECONDS, gives_way=True) as connection:
            adoption_queries.forget_addresses(connection, now - _ADDRESSES_KEPT)

    def adoption(
        self,
        site: str,
        release: int,
        since: datetime,
        now: datetime,
        *,
        evidence: RequiredEvidence = RequiredEvidence.ANY,
        only_listed: bool = False,
        path: CutPath | None = None,
    ) -> Adoption:
        question = Question(site, release, since, now, evidence, only_listed, path)
        with reading(self._engine, LONG_SECONDS) as connection:
            return adoption_queries.select_adoption(connection, question)

    def grades(self, site: str, release: int) -> Mapping[Grade, int]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return adoption_queries.select_grades(connection, site, release)

    def refusers(self, site: str, release: int, since: datetime) -> Mapping[Grade, int]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return adoption_queries.select_refusers(connection, site, release, since)

    def device_histories(self, site: str, wanted: DeviceFilter) -> Sequence[DeviceHistory]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return adoption_queries.select_devices(connection, site, wanted)

    def device_history(self, identity: str, site: str | None = None) -> Sequence[DeviceHistory]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return history_queries.select_history(connection, site, identity)

    def forget_device(self, identity: str, site: str | None, event: AuditEvent) -> Sequence[str]:
        with writing(self._engine) as connection:
            forgotten = history_queries.delete_history(connection, site, identity)
            label_queries.delete_unlisted(connection, forgotten, identity)
            for name in forgotten:
                self._tell(connection, replace(event, site=name), changes_serving=False)
            return forgotten

    def anchor_clues(self, site: str) -> Sequence[AnchorClue]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return anchor_queries.select_clues(connection, site)

    def met_releases(self, site: str) -> Sequence[MetReleases]:
        with reading(self._engine, LONG_SECONDS) as connection:
            pairs = anchor_queries.select_met(connection, site)
        return [(fetched, finished, since) for finished, fetched in pairs for since in (False, True)]

    def devices_of_clue(self, site: str, clue: AnchorClue, limit: int) -> Sequence[str]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return anchor_queries.select_of_clue(connection, site, clue, limit)

    def callers_of_host(self, site: str, host: str, since: datetime, limit: int) -> tuple[int, Sequence[str]]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return anchor_queries.select_callers_of_host(connection, site, host, since, limit)

    def other_hosts_called(
        self, site: str, hosts: Sequence[str], since: datetime, release: int, limit: int
    ) -> Sequence[str]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return anchor_queries.select_other_hosts(connection, site, hosts, since, release, limit)

    def devices_seen_since(self, site: str, since: datetime) -> int:
        with reading(self._engine, LONG_SECONDS) as connection:
            return anchor_queries.count_seen_since(connection, site, since)

    def has_authenticated(self, site: str) -> bool:
        with reading(self._engine) as connection:
            return history_queries.has_authenticated(connection, site)

    def disregarded(self, serial: str, site: str) -> Mapping[str, int]:
        with reading(self._engine) as connection:
            return sighting_queries.select_disregarded(connection, serial, site)

    def known_devices(self, beginning: str, site: str | None, limit: int) -> Sequence[str]:
        with reading(self._engine) as connection:
            return history_queries.select_known_devices(connection, beginning, site, limit)

    def unseen_devices(self, site: str, limit: int | None = None) -> Sequence[str]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return adoption_queries.select_unseen(connection, site, limit)

    def answered_elsewhere(
        self, site: str, limit: int | None = None, among: Collection[str] | None = None
    ) -> Mapping[str, str]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return caller_queries.select_answered_elsewhere(connection, site, limit, among)

    def listed_unseen_at(self, serial: str) -> str | None:
        with reading(self._engine) as connection:
            return caller_queries.select_listed_unseen(connection, serial)

    def only_address(self, site: str, since: datetime) -> tuple[str, int] | None:
        with reading(self._engine, LONG_SECONDS) as connection:
            return caller_queries.select_only_address(connection, site, since)

    def shared_addresses(self, site: str, addresses: Collection[str]) -> Collection[str]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return caller_queries.select_shared(connection, site, addresses)

    def silences(self, site: str) -> Mapping[int, int]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return adoption_queries.select_silences(connection, site)

    def arrivals(self, site: str, release: int, since: datetime) -> Mapping[int, int]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return arrival_queries.select_arrivals(connection, site, release, since)

    def confirmations(
        self,
        site: str,
        release: int,
        since: datetime,
        now: datetime,
        *,
        evidence: RequiredEvidence = RequiredEvidence.ANY,
        only_listed: bool = False,
    ) -> Mapping[datetime, int]:
        question = Question(
            site=site, release=release, since=since, now=now, evidence=evidence, only_listed=only_listed
        )
        with reading(self._engine, LONG_SECONDS) as connection:
            return arrival_queries.select_confirmations(connection, question)

    @abstractmethod
    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. The whole store implements this in one place."""
