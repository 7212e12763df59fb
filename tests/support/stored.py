"""Looks into a store that only tests need: what stands there, without a service in between."""

from datetime import datetime

from sqlalchemy import RowMapping, select

from engage_server.records import AuditEvent, Sighting, SightingKind
from engage_server.store.database.engine import reading
from engage_server.store.interface import AuditStore
from engage_server.store.sql_store import SqlStore
from engage_server.store.tables import sightings


def audit_events(store: AuditStore) -> list[AuditEvent]:
    """The whole audit log, oldest first."""
    return [entry.event for entry in store.audit_entries()]


def stored_sightings(store: SqlStore, *, since: datetime | None = None) -> list[Sighting]:
    """The sightings, oldest first."""
    query = select(sightings).order_by(sightings.c.at, sightings.c.id)
    if since is not None:
        query = query.where(sightings.c.at >= since)
    with reading(store._engine) as connection:
        return [_sighting(row) for row in connection.execute(query).mappings()]


def _sighting(row: RowMapping) -> Sighting:
    values = {name: value for name, value in row.items() if name != "id"}
    return Sighting(**values | {"kind": SightingKind(values["kind"])})
