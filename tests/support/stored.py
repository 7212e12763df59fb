"""Looks into a store that only tests need: what stands there, without a service in between."""

from datetime import datetime

from sqlalchemy import RowMapping, select

from engage_server.records import AuditEntry, AuditEvent, AuditFilter, Device, Sighting, SightingKind, every_item
from engage_server.store.database.engine import reading
from engage_server.store.interface import PageStore
from engage_server.store.sql_store import SqlStore
from engage_server.store.tables import devices, sightings, sites


def audit_events(store: PageStore) -> list[AuditEvent]:
    """The whole audit log, oldest first."""
    return [entry.event for entry in audit_entries(store)]


def audit_entries(store: PageStore) -> list[AuditEntry]:
    """The whole audit log with its numbers and hashes, oldest first."""
    return list(every_item(lambda cursor: store.audit_page(AuditFilter(), cursor, 100, oldest_first=True)))


def listed_devices(store: SqlStore, site: str | None = None) -> list[Device]:
    """The devices on all lists, or on that of one site, by serial number."""
    query = select(devices.c.serial, sites.c.name, devices.c.added_at).join(sites, sites.c.id == devices.c.site_id)
    if site is not None:
        query = query.where(sites.c.name == site)
    with reading(store._engine) as connection:
        return [Device(*row) for row in connection.execute(query.order_by(devices.c.serial))]


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
