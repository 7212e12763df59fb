"""The part of the store that holds what links reported, and the tables that operators fill for them."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from engage_server.records import (
    AuditEvent,
    Downlink,
    DownlinkChannel,
    DownlinkStatus,
    KpnDevice,
    LinkStanding,
    PathEvent,
    StoredPathEvent,
)
from engage_server.store.database.engine import LONG_SECONDS, reading, writing
from engage_server.store.evidence import sighting_queries
from engage_server.store.interface import PathFold, SimPoll
from engage_server.store.links import kpn_queries, path_queries, poll_queries


class SqlLinks:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings apply."""

    _engine: Engine

    def record_path_events(self, segment: str, begin: int, end: int, events: Sequence[PathEvent], at: datetime) -> bool:
        with writing(self._engine, LONG_SECONDS, gives_way=True) as connection:
            if not sighting_queries.advance(connection, segment, begin, end, at):
                return False
            path_queries.insert_events(connection, events)
            return True

    def path_offsets(self, segments: Sequence[str]) -> Mapping[str, int]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return sighting_queries.select_offsets(connection, segments)

    def add_path_events(self, events: Sequence[PathEvent]) -> None:
        with writing(self._engine, LONG_SECONDS) as connection:
            path_queries.insert_events(connection, events)

    def fold_path_events(self, fold: PathFold, limit: int) -> int:
        with writing(self._engine, LONG_SECONDS, gives_way=True) as connection:
            return path_queries.fold_events(connection, fold, limit)

    def path_events(
        self, site: str | None, link: str | None, since: datetime | None, limit: int
    ) -> Sequence[StoredPathEvent]:
        with reading(self._engine) as connection:
            return path_queries.select_events(connection, site, link, since, limit)

    def link_standings(self, site: str | None = None) -> Sequence[LinkStanding]:
        with reading(self._engine) as connection:
            return path_queries.select_standings(connection, site)

    def sim_polls(self) -> Sequence[SimPoll]:
        with reading(self._engine) as connection:
            return poll_queries.select_all(connection)

    def forget_path_events(self, before: datetime) -> int:
        removed, slice_ = 0, path_queries.MOST_AT_ONCE
        while slice_ == path_queries.MOST_AT_ONCE:  # each in a separate transaction: others want to write, too
            with writing(self._engine, LONG_SECONDS, gives_way=True) as connection:
                slice_ = path_queries.delete_before(connection, before)
            removed += slice_
        with writing(self._engine, LONG_SECONDS, gives_way=True) as connection:
            path_queries.delete_removed(connection, before)
        return removed

    def add_kpn_device(self, device: KpnDevice, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            kpn_queries.insert_device(connection, device)
            self._tell(connection, event, changes_serving=False)

    def remove_kpn_device(self, imei: str, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            kpn_queries.delete_device(connection, imei)
            self._tell(connection, event, changes_serving=False)

    def kpn_devices(self) -> Sequence[KpnDevice]:
        with reading(self._engine) as connection:
            return kpn_queries.select_devices(connection)

    def queue_downlink(
        self, imei: str, channel: DownlinkChannel, content: str, at: datetime, event: AuditEvent
    ) -> Downlink:
        with writing(self._engine) as connection:
            downlink = kpn_queries.insert_downlink(connection, imei, channel, content, at)
            told = replace(event, facts={**event.facts, "downlink": str(downlink.number)})
            self._tell(connection, told, changes_serving=False)
            return downlink

    def downlinks(self, imei: str | None = None, status: DownlinkStatus | None = None) -> Sequence[Downlink]:
        with reading(self._engine) as connection:
            return kpn_queries.select_downlinks(connection, imei, status)

    def cancel_downlink(self, number: int, at: datetime, event: AuditEvent) -> Downlink:
        with writing(self._engine) as connection:
            cancelled = kpn_queries.cancel(connection, number, at)
            self._tell(connection, event, changes_serving=False)
            return cancelled

    def end_downlink(self, number: int, status: DownlinkStatus, at: datetime) -> bool:
        with writing(self._engine) as connection:
            return kpn_queries.end(connection, number, status, at)

    def execute_downlinks(self, at: datetime) -> int:
        with writing(self._engine) as connection:
            return kpn_queries.execute_waiting(connection, at)

    @abstractmethod
    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. The whole store implements this in one place."""
