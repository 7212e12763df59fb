"""The store on SQLAlchemy: SQLite and PostgreSQL. Each method is one transaction around the queries."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from engage_server.errors import SealBroken
from engage_server.records import (
    AuditEntry,
    AuditEvent,
    AuditHead,
    AuditVerdict,
    Release,
    Secret,
    Site,
    StaticCertificate,
)
from engage_server.store import audit_log, release_keys
from engage_server.store.access import grant_queries, request_queries
from engage_server.store.access.sql_access import SqlAccess
from engage_server.store.alerts import outbox_queries, recipient_queries
from engage_server.store.alerts.sql_alerts import SqlAlerts
from engage_server.store.alerts.sql_backups import SqlBackups
from engage_server.store.copying.picture import picture_of
from engage_server.store.database.engine import LONG_SECONDS, after_commit, reading, writing
from engage_server.store.evidence import history_queries
from engage_server.store.interface import ReleaseDraft
from engage_server.store.interface.copying import Picture
from engage_server.store.keys.sql_keys import SqlKeys
from engage_server.store.links import path_queries
from engage_server.store.links.sql_links import SqlLinks
from engage_server.store.paging.sql_pages import SqlPages
from engage_server.store.queries import (
    device_queries,
    release_queries,
    removal_queries,
    rename_queries,
    site_queries,
)
from engage_server.store.sealing import ReleaseSealer, Sealer
from engage_server.store.shared_files import file_queries
from engage_server.store.shared_files.sql_shared_files import SqlSharedFiles
from engage_server.store.sql_devices import SqlDevices
from engage_server.store.sql_evidence import SqlEvidence
from engage_server.store.sql_rotation import SqlRotation
from engage_server.store.sql_workers import SqlWorkers, notify
from engage_server.store.switching import switch_queries


class SqlStore(
    SqlDevices,
    SqlEvidence,
    SqlPages,
    SqlWorkers,
    SqlRotation,
    SqlLinks,
    SqlAccess,
    SqlAlerts,
    SqlBackups,
    SqlKeys,
    SqlSharedFiles,
):
    """Implements :class:`engage_server.store.interface.Store`, whose docstrings apply.

    Args:
        engine: Of a database whose tables are of this version (see :mod:`engage_server.store.schema`).
        sealer: None for a process that needs neither site keys nor the audit log.
        release_sealer: For a process that opens only the private keys of releases, as the TLS instance does.
        told: Called with each new entry of the audit log, once it is committed.
    """

    def __init__(
        self,
        engine: Engine,
        sealer: Sealer | None,
        release_sealer: ReleaseSealer | None = None,
        told: Callable[[AuditHead], None] = lambda head: None,
    ) -> None:
        self._engine = engine
        self._sealer = sealer
        self._release_sealer = sealer.releases if sealer is not None else release_sealer
        self._told = told
        self._listening = None

    def close(self) -> None:
        """Close the connections."""
        self.stop_listening()
        self._engine.dispose()

    def picture(self) -> AbstractContextManager[Picture]:
        """Take a picture of all tables; see :func:`engage_server.store.copying.picture.picture_of`."""
        return picture_of(self._engine)

    @property
    def sealer(self) -> Sealer:
        """What opens the secrets. Anyone who has it can open all of them.

        Raises:
            SealBroken: This process has no key-encryption key.
        """
        return self._opened()

    def generation(self) -> int:
        with reading(self._engine) as connection:
            return switch_queries.select_generation(connection)

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
            self._tell(connection, event, changes_serving=True)
            return added

    def change_site(self, site: Site, event: AuditEvent, *, approvals: int | None = None) -> Site:
        with writing(self._engine) as connection:
            changed = site_queries.update_site(connection, site, approvals)
            self._tell(connection, event, changes_serving=True)
            return changed

    def make_default(self, name: str, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            site_queries.set_default(connection, name)
            self._tell(connection, event, changes_serving=True)

    def site_key(self, name: str) -> Secret:
        with reading(self._engine) as connection:
            sealed = site_queries.sealed_key(connection, name)
        return self._opened().open(sealed, site_queries.key_purpose(name))

    def remove_device(self, serial: str, site: str, event: AuditEvent, *, had_files: bool) -> bool:
        with writing(self._engine) as connection:
            was_listed = removal_queries.delete_device(connection, serial, site)
            was_seen = bool(history_queries.delete_history(connection, site, serial))
            row_id = site_queries.site_id(connection, site)
            was_shared = file_queries.delete_device(connection, row_id, serial, event.at)
            was_there = was_listed or was_seen or had_files or was_shared
            if was_there:
                self._tell(connection, event, changes_serving=was_listed)
            return was_there

    def rename_site(self, name: str, new: str, event: AuditEvent) -> None:
        with writing(self._engine, LONG_SECONDS) as connection:
            rename_queries.rename_site(connection, name, new, self._opened())
            path_queries.rename_site(connection, name, new)
            roles = grant_queries.rename_in_grants(connection, name, new)
            recipient_queries.rename_site(connection, name, new)
            outbox_queries.rename_site(connection, name, new)
            self._tell(connection, replace(event, facts={**event.facts, **roles}), changes_serving=True)

    def remove_site(self, name: str, event: AuditEvent) -> None:
        with writing(self._engine, LONG_SECONDS) as connection:
            file_queries.delete_site(connection, site_queries.site_id(connection, name))
            removal_queries.delete_site(connection, name)
            roles = grant_queries.remove_from_grants(connection, name)
            recipient_queries.remove_site(connection, name)
            self._tell(connection, replace(event, facts={**event.facts, **roles}), changes_serving=True)

    def static_certificates(self) -> Sequence[StaticCertificate]:
        with reading(self._engine) as connection:
            return device_queries.select_static_certificates(connection)

    def put_static_certificates(self, site: str, certificates: Sequence[StaticCertificate], event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            device_queries.replace_static_certificates(connection, site, certificates)
            self._tell(connection, event, changes_serving=True)

    def stage_release(self, draft: ReleaseDraft, private_key: Secret, event: AuditEvent) -> Release:
        with writing(self._engine) as connection:
            number = release_queries.insert_release(connection, draft, private_key, self._opened().releases)
            # Servers offer the DERs of staged releases too. A device may get its notice from a server that is a moment
            # ahead, and fetch the DER from one that is a moment behind.
            self._tell(connection, event, changes_serving=True, release=number)
            return release_queries.select_release(connection, draft.site, number)

    def activate_release(
        self, site: str, number: int, expected: int | None, at: datetime, event: AuditEvent
    ) -> Release:
        with writing(self._engine) as connection:
            if release_queries.make_current(connection, site, number, expected, at):
                self._tell(connection, event, changes_serving=True)
            return release_queries.select_release(connection, site, number)

    def release_before(self, site: str) -> int | None:
        with reading(self._engine) as connection:
            return release_queries.select_before(connection, site)

    def roll_back_release(self, site: str, number: int, expected: int, at: datetime, event: AuditEvent) -> Release:
        with writing(self._engine) as connection:
            release_queries.go_back(connection, site, number, expected, at)
            self._tell(connection, event, changes_serving=True)
            return release_queries.select_release(connection, site, number)

    def drop_release(self, site: str, number: int, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            removal_queries.delete_release(connection, site, number)
            self._tell(connection, event, changes_serving=True)

    def retire_release(self, site: str, number: int, at: datetime, event: AuditEvent) -> Release:
        with writing(self._engine) as connection:
            release_queries.retire(connection, site, number, at)
            self._tell(connection, event, changes_serving=False)
            return release_queries.select_release(connection, site, number)

    def release(self, site: str, number: int) -> Release:
        with reading(self._engine) as connection:
            return release_queries.select_release(connection, site, number)

    def releases(self, site: str | None = None) -> Sequence[Release]:
        with reading(self._engine) as connection:
            return release_queries.select_releases(connection, site)

    def current_numbers(self, site: str | None = None) -> Mapping[str, int]:
        with reading(self._engine) as connection:
            return release_queries.select_current_numbers(connection, site)

    def private_key(self, site: str, number: int) -> Secret:
        with reading(self._engine) as connection:
            sealed = release_queries.sealed_private_key(connection, site, number)
        if self._release_sealer is None:
            raise _no_key("the release key")
        return self._release_sealer.open(sealed, release_keys.key_purpose(site, number))

    def release_key(self) -> Secret:
        return self._opened().release_key

    def record(self, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            self._tell(connection, event, changes_serving=False)

    def audit_entry(self, number: int) -> AuditEntry | None:
        with reading(self._engine) as connection:
            return audit_log.select_entry(connection, number)

    def audit_newest_time(self) -> datetime | None:
        with reading(self._engine) as connection:
            return audit_log.select_newest_time(connection)

    def audit_head(self) -> AuditHead:
        with reading(self._engine) as connection:
            return audit_log.select_head(connection)

    def audit_verdict(self) -> AuditVerdict:
        with reading(self._engine, LONG_SECONDS) as connection:
            return audit_log.verdict(connection, self._opened())

    def _opened(self) -> Sealer:
        if self._sealer is None:
            raise _no_key("the key-encryption key")
        return self._sealer

    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. If servers must follow the change, also announce it and wake them."""
        if release:
            event = replace(event, facts={**event.facts, "release": str(release)})
        request_queries.assert_terms(connection, event)
        entry = audit_log.append(connection, event, self._opened())
        if event.terms is not None and event.terms.request is not None:
            request_queries.insert_request(connection, event.terms.request, entry.number, event.at)
        after_commit(connection, lambda: self._told(entry))
        if changes_serving:
            switch_queries.raise_generation(connection)
            if event.action not in switch_queries.QUIET:
                switch_queries.announce(connection)
            notify(connection)


def _no_key(key: str) -> SealBroken:
    return SealBroken(
        f"a sealed secret is needed, but this process was started without {key}",
        "Set key_encryption_key_file, key_encryption_key_command or ENGAGE_KEY_ENCRYPTION_KEY.",
    )
