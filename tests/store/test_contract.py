"""The contract of ``store.interface``: one class of tests, run on every database."""

import ipaddress
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from engage_server.errors import Conflict, NotFound, SealBroken, StoreNotUsable, StoreVersionMismatch
from engage_server.pki import encodings, keys
from engage_server.records import (
    AnchorRole,
    AuditAction,
    AuditEvent,
    Device,
    Host,
    Release,
    ReleaseState,
    Secret,
    Sighting,
    SightingKind,
    Site,
)
from engage_server.services.evidence import fold
from engage_server.store import schema
from engage_server.store.engine import create_sqlite_file, open_engine
from engage_server.store.interface import ReleaseDraft, Store
from engage_server.store.sealing import Sealer
from engage_server.store.sql_store import SqlStore
from engage_server.store.tables import metadata
from tests.chains import NOW, OTHER_SITE_KEY, SITE_KEY, good_chain
from tests.postgresql import PostgresServer

SEALER = Sealer(Secret(bytes(32)))
OTHER_SEALER = Sealer(Secret(bytes([1]) * 32))


def site(name: str = "main", *hosts: str, is_default: bool = False) -> Site:
    return Site(
        name,
        tuple(Host(h) for h in hosts or (f"{name}.example",)),
        AnchorRole.ROOT,
        is_default,
        (ipaddress.ip_network("10.0.0.0/8"),),
        NOW,
    )


def draft(name: str = "main", label: str = "") -> ReleaseDraft:
    chain = good_chain(label).chain
    return ReleaseDraft(
        name,
        encodings.der(chain.root),
        "A" * 28,
        tuple(map(encodings.der, chain.sent)),
        encodings.der(chain.root),
        NOW,
    )


def private_key(label: str = "") -> Secret:
    return keys.private_key_pem(good_chain(label).server_key)


def activate(store: SqlStore, name: str, number: int, at: datetime, event: AuditEvent) -> Release:
    """Activate as an operator who has just looked."""
    current = next((r.number for r in store.releases(name) if r.state is ReleaseState.CURRENT), None)
    return store.activate_release(name, number, current, at, event)


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    create_sqlite_file(database_url)
    engine = open_engine(database_url)
    schema.upgrade(engine, SEALER)
    store = SqlStore(engine, SEALER)
    yield store
    store.close()


class TestStore:
    """Everything that a service may rely on."""

    def test_is_a_store(self, store: SqlStore) -> None:
        as_interface: Store = store
        assert as_interface.sites() == []
        assert as_interface.releases() == []
        assert as_interface.devices() == []
        assert as_interface.audit_events() == []

    def test_a_site_comes_back_as_it_was(self, store: SqlStore, event: AuditEvent) -> None:
        added = store.add_site(site("main", "b.example", "a.example", "10.0.0.1"), SITE_KEY, event)
        assert added == store.site("main") == store.sites()[0]
        assert [host.text for host in added.hosts] == ["b.example", "a.example", "10.0.0.1"]
        assert added.created_at == NOW
        assert added.device_networks == (ipaddress.ip_network("10.0.0.0/8"),)

    def test_the_first_site_is_the_default_and_there_is_always_one(self, store: SqlStore, event: AuditEvent) -> None:
        assert store.add_site(site("a"), SITE_KEY, event).is_default
        assert not store.add_site(site("b"), SITE_KEY, event).is_default
        store.add_site(site("c", is_default=True), SITE_KEY, event)
        assert [s.name for s in store.sites() if s.is_default] == ["c"]
        store.make_default("b", event)
        store.make_default("b", event)
        assert [s.name for s in store.sites() if s.is_default] == ["b"]

    def test_names_and_hosts_belong_to_one_site(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("a", "x.example", "y.example"), SITE_KEY, event)
        with pytest.raises(Conflict, match="site 'a' already"):
            store.add_site(site("a", "z.example"), SITE_KEY, event)
        with pytest.raises(Conflict, match=r"y\.example belongs to site 'a'"):
            store.add_site(site("b", "z.example", "y.example"), SITE_KEY, event)
        assert [s.name for s in store.sites()] == ["a"]
        assert len(store.audit_events()) == 1

    def test_keys_open_for_their_own_site(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("a"), SITE_KEY, event)
        store.add_site(site("b"), OTHER_SITE_KEY, event)
        assert store.site_key("a") == SITE_KEY
        assert store.site_key("b") == OTHER_SITE_KEY

    def test_what_is_missing_is_named(self, store: SqlStore, event: AuditEvent) -> None:
        with pytest.raises(NotFound, match="no site 'x'") as none_yet:
            store.site("x")
        assert "engage init" in none_yet.value.next_step
        store.add_site(site("main"), SITE_KEY, event)
        with pytest.raises(NotFound) as others:
            store.site_key("x")
        assert "main" in others.value.next_step
        for call in (
            lambda: store.release("main", 1),
            lambda: store.private_key("main", 1),
            lambda: activate(store, "main", 1, NOW, event),
            lambda: store.make_default("x", event),
            lambda: store.stage_release(draft("x"), private_key(), event),
            lambda: store.add_device(Device("0" * 32, "x", NOW), event),
            lambda: store.devices("x"),
            lambda: store.releases("x"),
        ):
            with pytest.raises(NotFound):
                call()

    def test_releases_are_numbered_within_their_site(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("a"), SITE_KEY, event)
        store.add_site(site("b"), SITE_KEY, event)
        numbers = [
            store.stage_release(draft(name, label), private_key(label), event).number
            for name, label in (("a", ""), ("b", ""), ("a", "second"))
        ]
        assert numbers == [1, 1, 2]
        release = store.release("a", 2)
        wanted = draft("a", "second")
        assert (release.anchor_der, release.chain, release.root_der) == (
            wanted.anchor_der,
            wanted.chain,
            wanted.root_der,
        )
        assert release.state is ReleaseState.STAGED
        assert (release.staged_at, release.activated_at, release.retired_at) == (NOW, None, None)
        assert store.private_key("a", 2) == private_key("second")
        assert [r.number for r in store.releases("a")] == [1, 2]
        assert len(store.releases()) == 3

    def test_exactly_one_release_is_current(self, store: SqlStore, event: AuditEvent) -> None:
        self._two_releases(store, event)
        later = NOW + timedelta(days=1)
        activate(store, "main", 1, NOW, event)
        assert self._states(store) == [ReleaseState.CURRENT, ReleaseState.STAGED]
        activate(store, "main", 2, later, event)
        assert self._states(store) == [ReleaseState.RETIRED, ReleaseState.CURRENT]
        assert store.release("main", 1).retired_at == later
        activate(store, "main", 1, later, event)
        assert self._states(store) == [ReleaseState.CURRENT, ReleaseState.RETIRED]
        assert store.release("main", 1).retired_at is None

    def test_activating_the_current_release_changes_nothing(self, store: SqlStore, event: AuditEvent) -> None:
        self._two_releases(store, event)
        before = activate(store, "main", 1, NOW, event)
        generation, told = store.generation(), len(store.audit_events())
        assert activate(store, "main", 1, NOW + timedelta(days=1), event) == before
        assert (store.generation(), len(store.audit_events())) == (generation, told)

    def test_the_database_itself_refuses_a_second_current_release(self, store: SqlStore, event: AuditEvent) -> None:
        self._two_releases(store, event)
        activate(store, "main", 1, NOW, event)
        with pytest.raises(Exception, match=r"(?i)unique"), store._engine.begin() as connection:
            connection.execute(text("UPDATE releases SET state = 'current'"))

    def test_every_change_that_servers_must_follow_raises_the_generation(
        self, store: SqlStore, event: AuditEvent
    ) -> None:
        seen = [store.generation()]
        for change in (
            lambda: store.add_site(site("main"), SITE_KEY, event),
            lambda: store.stage_release(draft(), private_key(), event),
            lambda: activate(store, "main", 1, NOW, event),
            lambda: store.add_device(Device("0" * 32, "main", NOW), event),
            lambda: store.make_default("main", event),
        ):
            change()
            seen.append(store.generation())
        assert seen == sorted(set(seen))
        store.record(event)
        assert store.generation() == seen[-1]

    def test_devices(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("a"), SITE_KEY, event)
        store.add_site(site("b"), SITE_KEY, event)
        device = Device("AB" * 16, "b", NOW)
        store.add_device(device, event)
        store.add_device(device, event)
        assert store.devices() == store.devices("b") == [device]
        assert store.devices("a") == []
        with pytest.raises(Conflict, match="belongs to site 'b'"):
            store.add_device(Device("AB" * 16, "a", NOW), event)

    def test_the_audit_log_keeps_everything_in_order(self, store: SqlStore, event: AuditEvent) -> None:
        self._two_releases(store, event)
        store.record(event)
        events = store.audit_events()
        assert len(events) == 4
        assert events[0] == event
        assert events[1].facts == {"why": "test", "release": "1"}

    def test_secrets_are_nowhere_in_the_database(self, store: SqlStore, event: AuditEvent) -> None:
        self._two_releases(store, event)
        raw_key, pem = SITE_KEY.reveal(), private_key().reveal()
        with store._engine.connect() as connection:
            for table in inspect(store._engine).get_table_names():
                for row in connection.execute(text(f"SELECT * FROM {table}")):  # noqa: S608  # a table's own name
                    content = b"".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
                    assert raw_key not in content
                    assert raw_key.hex().encode() not in content.lower()
                    assert pem not in content
                    assert b"PRIVATE KEY" not in content

    def test_of_two_operators_at_once_one_wins_and_the_other_is_told(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("main"), SITE_KEY, event)
        failures: list[Exception] = []
        told: list[str] = []

        def work(label: str) -> None:
            try:
                number = store.stage_release(draft("main", label), private_key(label), event).number
                for _ in range(5):
                    try:
                        activate(store, "main", number, NOW, event)
                    except Conflict as conflict:
                        told.append(conflict.stable_code)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(label,)) for label in ("", "second")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert set(told) <= {"release.changed"}
        assert sorted(r.number for r in store.releases()) == [1, 2]
        assert sorted(self._states(store)) == [ReleaseState.CURRENT, ReleaseState.RETIRED]

    def test_a_failed_change_changes_nothing(self, store: SqlStore, event: AuditEvent) -> None:
        generation = store.generation()
        broken = AuditEvent(NOW.replace(tzinfo=None), event.actor, event.action)
        with pytest.raises(StoreNotUsable):
            store.add_site(site("main"), SITE_KEY, broken)
        assert store.sites() == []
        assert store.generation() == generation

    @staticmethod
    def _two_releases(store: SqlStore, event: AuditEvent) -> list[Release]:
        store.add_site(site("main"), SITE_KEY, event)
        return [store.stage_release(draft("main", label), private_key(label), event) for label in ("", "second")]

    @staticmethod
    def _states(store: SqlStore) -> list[ReleaseState]:
        return [release.state for release in store.releases("main")]


class TestSchema:
    """Versions of the tables, and the key that seals."""

    def test_the_migrations_make_the_tables_of_the_code(self, store: SqlStore) -> None:
        with store._engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []

    def test_the_revisions_are_those_of_the_files(self) -> None:
        scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
        assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == schema.REVISIONS

    def test_upgrading_again_changes_nothing(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("main"), SITE_KEY, event)
        generation = store.generation()
        schema.upgrade(store._engine, SEALER)
        schema.assert_current(store._engine)
        assert store.generation() == generation
        assert store.site_key("main") == SITE_KEY

    def test_a_newer_database_is_refused_and_left_alone(self, store: SqlStore) -> None:
        with store._engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for refuse in (partial(schema.assert_current, store._engine), partial(schema.upgrade, store._engine, SEALER)):
            with pytest.raises(StoreVersionMismatch, match="newer version"):
                refuse()

    def test_an_empty_database_is_refused(self, database_url: str) -> None:
        create_sqlite_file(database_url)
        engine = open_engine(database_url)
        with pytest.raises(StoreVersionMismatch) as caught:
            schema.assert_current(engine)
        assert "engage init" in caught.value.next_step
        engine.dispose()

    def test_another_key_encryption_key_is_found_at_once(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("main"), SITE_KEY, event)
        with pytest.raises(SealBroken, match="another key-encryption key"):
            schema.assert_seal(store._engine, OTHER_SEALER)
        with pytest.raises(SealBroken):
            schema.upgrade(store._engine, OTHER_SEALER)
        with pytest.raises(SealBroken):
            SqlStore(store._engine, OTHER_SEALER).site_key("main")
        with pytest.raises(SealBroken, match="without the key-encryption key"):
            SqlStore(store._engine, None).site_key("main")


class TestSightings:
    """What devices did, and how far each spool file is stored."""

    SEEN = [
        Sighting(SightingKind.NOTICE, NOW, "http", "192.0.2.1", "0" * 32, "main", 1),
        Sighting(SightingKind.HANDSHAKE_FAILED, NOW, "https", "2001:db8::1", None, None, None, "", "alert unknown_ca"),
        Sighting(SightingKind.HANDSHAKE_FINISHED, NOW, "https", "ü", None, "main", 2, "TLSv1.3", "", True),
    ]

    def test_they_come_back_as_they_went_in(self, store: SqlStore) -> None:
        assert store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)
        assert store.sightings() == self.SEEN
        assert store.sightings(since=NOW + timedelta(seconds=1)) == []

    def test_a_stretch_is_recorded_once(self, store: SqlStore) -> None:
        assert store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)
        assert not store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)
        assert not store.record_sightings("a", 5, 15, self.SEEN, fold, NOW)
        assert not store.record_sightings("b", 5, 15, self.SEEN, fold, NOW), "what was never begun can not go on"
        assert store.record_sightings("a", 10, 20, self.SEEN[:1], fold, NOW)
        assert store.record_sightings("b", 0, 5, [], fold, NOW)
        assert len(store.sightings()) == 4
        assert store.spool_offsets(["a", "b", "c"]) == {"a": 20, "b": 5}
        assert store.spool_offsets([str(n) for n in range(2000)]) == {}

    def test_two_at_once_record_it_once(self, store: SqlStore) -> None:
        taken: list[bool] = []
        threads = [
            threading.Thread(target=lambda: taken.append(store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == [False, False, False, True]
        assert len(store.sightings()) == len(self.SEEN)

    def test_they_raise_no_generation(self, store: SqlStore) -> None:
        before = store.generation()
        store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)
        assert store.generation() == before, "servers have nothing to follow"

    def test_old_ones_are_forgotten_with_their_offsets(self, store: SqlStore) -> None:
        later = NOW + timedelta(days=1)
        store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)
        store.record_sightings("b", 0, 10, [replace(self.SEEN[0], at=later)], fold, later)
        assert store.forget_sightings(later) == 3
        assert [sighting.at for sighting in store.sightings()] == [later]
        assert store.spool_offsets(["a", "b"]) == {"b": 10}


def test_a_database_of_the_first_version_becomes_one_of_this(database_url: str) -> None:
    create_sqlite_file(database_url)
    engine = open_engine(database_url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        probe = SEALER.seal(Secret(b"engage"), schema.SEAL_PROBE_PURPOSE)
        sealed = SEALER.seal(SITE_KEY, "site key of main")
        for statement in (
            "INSERT INTO installation (id, generation, seal_probe) VALUES (1, 9, :probe)",
            "INSERT INTO sites (id, name, anchor, is_default, device_networks, site_key_sealed, created_at) "
            "VALUES (1, 'main', 'root', true, '[]', :sealed, '2026-01-01')",
            "INSERT INTO releases (site_id, number, state, anchor_der, anchor_hash, chain_pem, root_der, "
            "private_key_sealed, staged_at, activated_at) VALUES "
            "(1, 1, 'retired', :sealed, '', :sealed, :sealed, :sealed, '2026-01-01', '2026-01-02'), "
            "(1, 2, 'current', :sealed, '', :sealed, :sealed, :sealed, '2026-01-01', '2026-01-03'), "
            "(1, 3, 'staged', :sealed, '', :sealed, :sealed, :sealed, '2026-01-01', NULL)",
            "INSERT INTO audit_events (id, at, actor, action, site, facts) VALUES "
            "(3, '2026-01-01', 'a', 'site:added', 'main', '{}'), (7, '2026-01-02', 'b', 'release:staged', '', '{}')",
        ):
            names = {name for name in ("probe", "sealed") if f":{name}" in statement}
            values = {"probe": probe, "sealed": sealed}
            connection.execute(text(statement), {name: values[name] for name in names})
    with pytest.raises(StoreVersionMismatch, match="not the tables of this version"):
        schema.assert_current(engine)
    schema.upgrade(engine, SEALER)
    schema.assert_current(engine)
    store = SqlStore(engine, SEALER)
    assert store.site("main").local_addresses == ()
    assert store.release_before("main") == 1
    assert [entry.number for entry in store.audit_entries()] == [1, 2]
    assert store.audit_verdict().faults == ()
    store.record(AuditEvent(NOW, "c", AuditAction.SITE_ADDED))
    assert store.audit_verdict().entries == 3
    assert store.audit_verdict().faults == ()
    store.close()


def test_a_sealed_value_opens_for_its_own_purpose_alone() -> None:
    sealed = SEALER.seal(SITE_KEY, "site key of a")
    assert SEALER.open(sealed, "site key of a") == SITE_KEY
    for wrong in (sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:20], b"", sealed[:9] + sealed[10:]):
        with pytest.raises(SealBroken):
            SEALER.open(wrong, "site key of a")
    with pytest.raises(SealBroken):
        SEALER.open(sealed, "site key of b")
    assert SEALER.seal(SITE_KEY, "x") != SEALER.seal(SITE_KEY, "x")


def test_postgresql_that_is_away_is_told_and_comes_back(postgresql: PostgresServer, event: AuditEvent) -> None:
    engine = open_engine(postgresql.new_database())
    schema.upgrade(engine, SEALER)
    store = SqlStore(engine, SEALER)
    store.add_site(site("main"), SITE_KEY, event)
    postgresql.stop()
    try:
        with pytest.raises(StoreNotUsable, match="database postgresql"):
            store.generation()
    finally:
        postgresql.resume()
    assert store.generation() == 2
    store.close()
