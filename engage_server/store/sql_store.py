"""The store on SQLAlchemy: SQLite and PostgreSQL. Each method is one transaction around the queries."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, select, update

from engage_server.errors import SealBroken
from engage_server.records import AuditAction, AuditEvent, Device, Release, Secret, Sighting, Site
from engage_server.store import release_queries, sighting_queries, site_queries
from engage_server.store.engine import reading, writing
from engage_server.store.interface import ReleaseDraft
from engage_server.store.sealing import Sealer
from engage_server.store.tables import audit_events, installation


class SqlStore:
    """Implements :class:`engage_server.store.interface.Store`, whose docstrings hold.

    Args:
        engine: Of a database whose tables are of this version (see :mod:`engage_server.store.schema`).
        sealer: None for a process that has no business with secrets, such as the plain HTTP instance.
    """

    def __init__(self, engine: Engine, sealer: Sealer | None) -> None:
        self._engine = engine
        self._sealer = sealer

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def generation(self) -> int:
        with reading(self._engine) as connection:
            return int(connection.execute(select(installation.c.generation)).scalar_one())

    def sites(self) -> Sequence[Site]:
        with reading(self._engine) as connection:
            return site_queries.select_sites(connection)

    def site(self, name: str) -> Site:
        with reading(self._engine) as connection:
            site_queries.site_id(connection, name)
            return site_queries.select_sites(connection, name)[0]

    def add_site(self, site: Site, key: Secret, event: AuditEvent) -> Site:
        with writing(self._engine) as connection:
            added = site_queries.insert_site(connection, site, key, self._opened())
            _tell(connection, event, changes_serving=True)
            return added

    def make_default(self, name: str, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            site_queries.set_default(connection, name)
            _tell(connection, event, changes_serving=True)

    def site_key(self, name: str) -> Secret:
        with reading(self._engine) as connection:
            sealed = site_queries.sealed_key(connection, name)
        return self._opened().open(sealed, site_queries.key_purpose(name))

    def add_device(self, device: Device, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            if site_queries.insert_device(connection, device):
                _tell(connection, event, changes_serving=True)

    def devices(self, site: str | None = None) -> Sequence[Device]:
        with reading(self._engine) as connection:
            return site_queries.select_devices(connection, site)

    def stage_release(self, draft: ReleaseDraft, private_key: Secret, event: AuditEvent) -> Release:
        with writing(self._engine) as connection:
            number = release_queries.insert_release(connection, draft, private_key, self._opened())
            # servers offer the DERs of staged releases too: a device that got its notice from a server that is a
            # moment ahead may fetch the DER from one that is a moment behind
            _tell(connection, event, changes_serving=True, release=number)
            return release_queries.select_release(connection, draft.site, number)

    def activate_release(self, site: str, number: int, at: datetime, event: AuditEvent) -> Release:
        with writing(self._engine) as connection:
            if release_queries.make_current(connection, site, number, at):
                _tell(connection, event, changes_serving=True)
            return release_queries.select_release(connection, site, number)

    def release(self, site: str, number: int) -> Release:
        with reading(self._engine) as connection:
            return release_queries.select_release(connection, site, number)

    def releases(self, site: str | None = None) -> Sequence[Release]:
        with reading(self._engine) as connection:
            return release_queries.select_releases(connection, site)

    def private_key(self, site: str, number: int) -> Secret:
        with reading(self._engine) as connection:
            sealed = release_queries.sealed_private_key(connection, site, number)
        return self._opened().open(sealed, release_queries.key_purpose(site, number))

    def record(self, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            _tell(connection, event, changes_serving=False)

    def audit_events(self) -> Sequence[AuditEvent]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(audit_events).order_by(audit_events.c.id))
            return [AuditEvent(row.at, row.actor, AuditAction(row.action), row.site, row.facts) for row in rows]

    def record_sightings(self, segment: str, begin: int, end: int, sightings: Sequence[Sighting], at: datetime) -> bool:
        with writing(self._engine) as connection:
            if not sighting_queries.advance(connection, segment, begin, end, at):
                return False
            sighting_queries.insert_sightings(connection, sightings)
            return True

    def spool_offsets(self, segments: Sequence[str]) -> Mapping[str, int]:
        with reading(self._engine) as connection:
            return sighting_queries.select_offsets(connection, segments)

    def sightings(self, *, since: datetime | None = None) -> Sequence[Sighting]:
        with reading(self._engine) as connection:
            return sighting_queries.select_sightings(connection, since)

    def forget_sightings(self, before: datetime) -> int:
        with writing(self._engine) as connection:
            return sighting_queries.delete_before(connection, before)

    def _opened(self) -> Sealer:
        if self._sealer is None:
            raise SealBroken(
                "a sealed secret is needed, but this process was started without the key-encryption key",
                "Set key_encryption_key_file or ENGAGE_KEY_ENCRYPTION_KEY.",
            )
        return self._sealer


def _tell(connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None) -> None:
    """Write the audit event, and raise the generation if servers have to look."""
    facts = dict(event.facts) | ({"release": str(release)} if release else {})
    connection.execute(
        audit_events.insert().values(
            at=event.at, actor=event.actor, action=event.action.value, site=event.site, facts=facts
        )
    )
    if changes_serving:
        connection.execute(update(installation).values(generation=installation.c.generation + 1))
