"""The contract of ``store.interface``: one class of tests, run on every database."""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.event import listen

from engage_server.errors import Conflict, NotFound, SealBroken, StoreNotUsable, StoreVersionMismatch
from engage_server.records import (
    AuditAction,
    AuditEvent,
    AuditVerdict,
    CallIn,
    CallInWay,
    Device,
    GatePolicy,
    Host,
    Limit,
    Release,
    ReleaseState,
    Rotation,
    RotationState,
    RotationWay,
    Secret,
    Sighting,
    SightingKind,
    StaticCertificate,
    UnknownDevices,
    Upstream,
    WorkerStatus,
)
from engage_server.services.evidence.fold import fold
from engage_server.store import schema
from engage_server.store.database.engine import LONG_SECONDS, create_sqlite_file, open_engine, reading, writing
from engage_server.store.evidence import sighting_queries
from engage_server.store.interface import SpoolPart, Store
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.keys.sealed_values import SEAL_PROBE_PURPOSE
from engage_server.store.partial_indexes import whole_schema
from engage_server.store.sealing import Sealer
from engage_server.store.sql_store import SqlStore
from engage_server.store.tables import workers
from tests.support.chains import NOW, OTHER_SITE_KEY, SITE_KEY
from tests.support.databases import KEK, SEALER, upgrade
from tests.support.postgresql import PostgresServer
from tests.support.rows import draft, private_key, site
from tests.support.stored import audit_entries, audit_events, listed_devices, stored_sightings

OTHER_SEALER = Sealer(Secret(bytes([1]) * 32))
OTHER_KEK = KeyEncryptionKey(Secret(bytes([1]) * 32))
EARLIER = KEK.earlier_sealer()


def activate(store: SqlStore, name: str, number: int, at: datetime, event: AuditEvent) -> Release:
    """Activate as an operator who has just looked."""
    current = next((r.number for r in store.releases(name) if r.state is ReleaseState.CURRENT), None)
    return store.activate_release(name, number, current, at, event)


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    engine = open_engine(migrated_url)
    store = SqlStore(engine, SEALER)
    yield store
    store.close()


class TestStore:
    """Everything that a service may rely on."""

    def test_is_a_store(self, store: SqlStore) -> None:
        as_interface: Store = store
        assert as_interface.sites() == []
        assert as_interface.releases() == []
        assert listed_devices(store) == []
        assert audit_events(as_interface) == []

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
        assert len(audit_events(store)) == 1

    def test_how_a_site_answers_call_ins_comes_back_as_it_was(self, store: SqlStore, event: AuditEvent) -> None:
        added = store.add_site(site("a"), SITE_KEY, event)
        assert added.call_in == CallIn()
        upstream = Upstream("https://access.example.org", 2.5, "-----BEGIN CERTIFICATE-----")
        wanted = CallIn(CallInWay.UPSTREAM, insecure=True, unknown=UnknownDevices.ENROLL, upstream=upstream)
        before = store.generation()
        assert store.change_site(replace(added, call_in=wanted), event).call_in == store.sites()[0].call_in == wanted
        assert store.generation() > before, "workers have to look"

    def test_lists_of_devices_have_a_version(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("a"), SITE_KEY, event)
        store.add_site(site("b"), SITE_KEY, event)
        assert store.devices_versions() == {}
        serials = [f"{number:032X}" for number in range(3)]
        store.add_devices([Device(serial, "a", NOW) for serial in serials[:2]], "a", event)
        first = store.devices_versions()
        assert set(first) == {"a"}
        assert sorted(store.device_serials("a")) == serials[:2]
        assert store.device_serials("b") == []
        store.add_device(Device(serials[2], "a", NOW), event)
        assert store.devices_versions()["a"] != first["a"]
        with pytest.raises(NotFound):
            store.device_serials("c")

    def test_devices_whose_name_begins_with_a_text(self, store: SqlStore, event: AuditEvent) -> None:
        for name in ("a", "b"):
            store.add_site(site(name), SITE_KEY, event)
        listed, seen, other = "0A" + "0" * 30, "0B" + "0" * 30, "0C" + "0" * 30
        store.add_devices([Device(listed, "a", NOW)], "a", event)
        found = [
            Sighting(SightingKind.NOTICE, NOW, "http", f"10.0.0.{number}", serial, place, 1)
            for number, (serial, place) in enumerate(((listed, "a"), (seen, "a"), (other, "b"), (None, "b")))
        ]
        assert store.record_sightings("s", 0, 1, found, fold, NOW)
        assert store.known_devices("0", None, 9) == [listed, seen, other]
        assert store.known_devices("0", "a", 9) == [listed, seen]
        assert store.known_devices("0", None, 2) == [listed, seen]
        assert store.known_devices("0B", None, 9) == [seen]
        assert store.known_devices("%", None, 9) == store.known_devices("_A", None, 9) == []
        assert store.known_devices("10.", None, 9) == ["10.0.0.3"]

    def test_who_called_in_and_is_on_no_list(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("a"), SITE_KEY, event)
        store.add_site(site("b"), SITE_KEY, event)
        serials = [f"{number:032X}" for number in range(5)]
        found = [
            Sighting(SightingKind.CALL_IN, NOW, "https", "192.0.2.1", serials[0], "a"),
            Sighting(SightingKind.CALL_IN, NOW, "https", "192.0.2.1", serials[0], "a"),
            Sighting(SightingKind.CALL_IN, NOW, "https", "192.0.2.1", serials[1], "b"),
            Sighting(SightingKind.NOTICE, NOW, "http", "192.0.2.1", serials[2], "a"),
            Sighting(SightingKind.CALL_IN, NOW - timedelta(days=2), "https", "192.0.2.1", serials[3], "a"),
            Sighting(SightingKind.CALL_IN, NOW, "https", "192.0.2.1", serials[4], "a"),
        ]
        store.add_device(Device(serials[4], "b", NOW), event)
        assert store.record_sightings("s", 0, 1, found, fold, NOW)
        assert store.callers_to_add("a", NOW - timedelta(days=1)) == [serials[0]]

    def test_what_the_vendors_sample_gave(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("a"), SITE_KEY, event)
        one, two = (StaticCertificate("a", name, name.encode()) for name in ("x.der", "y.der"))
        store.put_static_certificates("a", [one, two], event)
        store.put_static_certificates("a", [replace(one, der=b"new")], event)
        assert store.static_certificates() == [replace(one, der=b"new"), two]
        with pytest.raises(NotFound):
            store.put_static_certificates("b", [], event)

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
            lambda: store.device_serials("x"),
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
        generation, told = store.generation(), len(audit_events(store))
        assert activate(store, "main", 1, NOW + timedelta(days=1), event) == before
        assert (store.generation(), len(audit_events(store))) == (generation, told)

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
        assert listed_devices(store) == listed_devices(store, "b") == [device]
        assert listed_devices(store, "a") == []
        with pytest.raises(Conflict, match="belongs to site 'b'"):
            store.add_device(Device("AB" * 16, "a", NOW), event)

    def test_the_audit_log_keeps_everything_in_order(self, store: SqlStore, event: AuditEvent) -> None:
        self._two_releases(store, event)
        store.record(event)
        events = audit_events(store)
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
                        told.append(conflict.code)
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
            assert compare_metadata(MigrationContext.configure(connection), whole_schema) == []

    def test_the_revisions_are_those_of_the_files(self) -> None:
        scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
        assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == schema.REVISIONS

    def test_upgrading_again_changes_nothing(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("main"), SITE_KEY, event)
        generation = store.generation()
        upgrade(store._engine)
        schema.assert_current(store._engine)
        assert store.generation() == generation
        assert store.site_key("main") == SITE_KEY

    def test_a_newer_database_is_refused_and_left_alone(self, store: SqlStore) -> None:
        with store._engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for refuse in (partial(schema.assert_current, store._engine), partial(upgrade, store._engine)):
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
            schema.opened_sealer(store._engine, OTHER_KEK)
        with pytest.raises(SealBroken):
            upgrade(store._engine, OTHER_KEK)
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
        assert stored_sightings(store) == self.SEEN
        assert stored_sightings(store, since=NOW + timedelta(seconds=1)) == []

    def test_a_stretch_is_recorded_once(self, store: SqlStore) -> None:
        assert store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)
        assert not store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)
        assert not store.record_sightings("a", 5, 15, self.SEEN, fold, NOW)
        assert not store.record_sightings("b", 5, 15, self.SEEN, fold, NOW), "what was never begun cannot go on"
        assert store.record_sightings("a", 10, 20, self.SEEN[:1], fold, NOW)
        assert store.record_sightings("b", 0, 5, [], fold, NOW)
        assert len(stored_sightings(store)) == 4
        assert store.spool_offsets(["a", "b", "c"]) == {"a": 20, "b": 5}
        assert store.spool_offsets([str(n) for n in range(2000)]) == {}

    def test_several_files_are_recorded_together_each_part_once(self, store: SqlStore) -> None:
        first, second, later = (replace(self.SEEN[0], at=NOW + timedelta(seconds=n)) for n in range(3))
        assert store.record_parts([SpoolPart("a", 0, 10, [first])], fold, NOW) == {"a"}
        both = [SpoolPart("a", 0, 10, [first]), SpoolPart("b", 0, 9, [later, second])]
        assert store.record_parts(both, fold, NOW) == {"b"}, "the other one is there already"
        assert store.record_parts(both, fold, NOW) == set()
        both = [SpoolPart("b", 9, 20, [replace(later, serial=None)]), SpoolPart("a", 10, 20, [second])]
        assert store.record_parts(both, fold, NOW) == {"a", "b"}
        found = [(each.at, each.serial is None) for each in stored_sightings(store)]
        assert found == [(NOW, False), *[(second.at, False)] * 2, (later.at, False), (later.at, True)]
        assert store.spool_offsets(["a", "b"]) == {"a": 20, "b": 20}

    def test_a_part_that_cannot_be_stored_takes_back_all_of_them(self, store: SqlStore) -> None:
        parts = [SpoolPart("a", 0, 10, self.SEEN), SpoolPart("b", 0, 10, self.SEEN)]

        def failing(*_: object) -> NoReturn:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.record_parts(parts, failing, NOW)  # type: ignore[arg-type]  # it takes anything
        assert stored_sightings(store) == []
        assert store.spool_offsets(["a", "b"]) == {}
        assert store.record_parts(parts, fold, NOW) == {"a", "b"}

    def test_offsets_are_always_advanced_in_one_order(self, store: SqlStore) -> None:
        """Otherwise two readers that should not be could each wait for what the other one holds."""
        locked: list[str] = []

        def note(*given: Any) -> None:
            if given[2].startswith("UPDATE spool_offsets"):
                values = given[3].values() if isinstance(given[3], dict) else given[3]
                locked.extend(each for each in values if each in ("a", "b", "c"))

        listen(store._engine, "before_cursor_execute", note)
        store.record_parts([SpoolPart(name, 0, 10, []) for name in "cab"], fold, NOW)
        assert locked == ["a", "b", "c"]

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
        assert len(stored_sightings(store)) == len(self.SEEN)

    def test_they_raise_no_generation(self, store: SqlStore) -> None:
        before = store.generation()
        store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)
        assert store.generation() == before, "servers have nothing to follow"

    def test_old_ones_are_forgotten_with_their_offsets(self, store: SqlStore) -> None:
        later = NOW + timedelta(days=1)
        store.record_sightings("a", 0, 10, self.SEEN, fold, NOW)
        store.record_sightings("b", 0, 10, [replace(self.SEEN[0], at=later)], fold, later)
        assert store.forget_sightings(later) == 3
        assert [sighting.at for sighting in stored_sightings(store)] == [later]
        assert store.spool_offsets(["a", "b"]) == {"b": 10}

    def test_many_old_ones_are_forgotten_in_slices(self, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sighting_queries, "MOST_AT_ONCE", 10)
        begun: list[object] = []
        listen(store._engine, "begin", begun.append)
        store.record_sightings("a", 0, 10, self.SEEN[:1] * 35, fold, NOW)
        begun.clear()
        assert store.forget_sightings(NOW + timedelta(days=1)) == 35
        assert (stored_sightings(store), store.spool_offsets(["a"])) == ([], {})
        assert len(begun) == 4 + 2, "operators can write in between"


class TestReleaseLife:
    """Back, and away for good."""

    @pytest.fixture
    def three(self, store: SqlStore, event: AuditEvent) -> SqlStore:
        store.add_site(site("main"), SITE_KEY, event)
        for label in ("", "second", "third"):
            store.stage_release(draft("main", label), private_key(label), event)
        return store

    def test_back_step_by_step_and_not_back_and_forth(self, three: SqlStore, event: AuditEvent) -> None:
        assert three.release_before("main") is None
        for number in (1, 2, 3):
            activate(three, "main", number, NOW, event)
        assert three.release_before("main") == 2
        three.roll_back_release("main", 2, 3, NOW, event)
        assert three.release_before("main") == 1
        three.roll_back_release("main", 1, 2, NOW, event)
        assert three.release_before("main") is None, "what was gone back from is not what was before"
        activate(three, "main", 3, NOW, event)
        activate(three, "main", 1, NOW, event)
        assert three.release_before("main") == 3

    def test_back_as_one_unit_from_further_on(self, three: SqlStore, event: AuditEvent) -> None:
        for number in (1, 2, 3):
            activate(three, "main", number, NOW, event)
        generation = three.generation()
        three.roll_back_release("main", 1, 3, NOW, event)
        assert three.generation() > generation
        states = [release.state for release in three.releases("main")]
        assert states == [ReleaseState.CURRENT, ReleaseState.RETIRED, ReleaseState.RETIRED]

    def test_the_numbers_of_what_is_served(self, three: SqlStore, event: AuditEvent) -> None:
        three.add_site(site("north"), SITE_KEY, event)
        three.add_site(site("south"), SITE_KEY, event)
        three.stage_release(draft("south"), private_key(), event)
        assert three.current_numbers() == {}
        activate(three, "main", 1, NOW, event)
        activate(three, "main", 2, NOW, event)
        activate(three, "south", 1, NOW, event)
        assert three.current_numbers() == {"main": 2, "south": 1}
        assert three.current_numbers("main") == {"main": 2}
        assert three.current_numbers("north") == {}
        with pytest.raises(NotFound):
            three.current_numbers("nowhere")

    def test_who_comes_second_is_told(self, three: SqlStore, event: AuditEvent) -> None:
        activate(three, "main", 1, NOW, event)
        three.activate_release("main", 2, 1, NOW, event)
        entries, generation = len(audit_events(three)), three.generation()
        too_late: list[Callable[[], object]] = [
            lambda: three.activate_release("main", 3, 1, NOW, event),
            lambda: three.activate_release("main", 3, None, NOW, event),
            lambda: three.roll_back_release("main", 1, 1, NOW, event),
        ]
        for late in too_late:
            with pytest.raises(Conflict, match="somebody else was faster: site 'main' now serves release 2"):
                late()
        assert (len(audit_events(three)), three.generation()) == (entries, generation)

    def test_what_is_retired_has_no_key_and_does_not_come_back(self, three: SqlStore, event: AuditEvent) -> None:
        activate(three, "main", 1, NOW, event)
        activate(three, "main", 2, NOW, event)
        with pytest.raises(Conflict, match="is current"):
            three.retire_release("main", 2, NOW, event)
        gone = three.retire_release("main", 1, NOW, event)
        assert (gone.state, gone.key_destroyed_at) == (ReleaseState.RETIRED, NOW)
        with three._engine.connect() as connection:
            sealed = text("SELECT private_key_sealed FROM releases WHERE number = 1")
            assert bytes(connection.execute(sealed).scalar_one()) == b""
        assert three.release_before("main") is None
        gone_for_good: list[Callable[[], object]] = [
            lambda: three.activate_release("main", 1, 2, NOW, event),
            lambda: three.roll_back_release("main", 1, 2, NOW, event),
            lambda: three.retire_release("main", 1, NOW, event),
            lambda: three.private_key("main", 1),
        ]
        for impossible in gone_for_good:
            with pytest.raises(Conflict, match="its private key is destroyed"):
                impossible()
        assert three.release("main", 1).anchor_der == gone.anchor_der
        assert three.retire_release("main", 3, NOW, event).retired_at == NOW, "one that was never served, too"


class TestSiteChanges:
    """Other hosts, networks, local addresses."""

    def test_they_replace_what_was_there(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("a", "x.example", "y.example"), SITE_KEY, event)
        store.add_site(replace(site("b"), local_addresses=("10.0.0.9",)), SITE_KEY, event)
        generation = store.generation()
        wanted = replace(store.site("a"), hosts=(Host("z.example"), Host("x.example")), local_addresses=("10.0.0.8",))
        assert store.change_site(wanted, event) == store.site("a") == wanted
        assert store.generation() > generation
        assert store.site_key("a") == SITE_KEY
        with pytest.raises(Conflict, match=r"b\.example belongs to site 'b'"):
            store.change_site(replace(wanted, hosts=(Host("b.example"),)), event)
        with pytest.raises(Conflict, match=r"local address 10\.0\.0\.9 belongs to site 'b'"):
            store.change_site(replace(wanted, local_addresses=("10.0.0.9",)), event)
        with pytest.raises(Conflict, match=r"10\.0\.0\.8 belongs to site 'a'"):
            store.add_site(replace(site("c"), local_addresses=("10.0.0.8",)), SITE_KEY, event)
        with pytest.raises(NotFound):
            store.change_site(site("nobody"), event)
        assert store.site("a") == wanted


class TestAuditLog:
    """Whoever changes it is found."""

    @pytest.fixture
    def told(self, store: SqlStore, event: AuditEvent) -> SqlStore:
        for number in range(5):
            store.record(replace(event, reason=f"reason {number}", before={"x": "1"}, facts={"x": "2"}))
        assert store.audit_verdict() == AuditVerdict(5, audit_entries(store)[-1].hash, ())
        return store

    def test_an_empty_one_is_whole(self, store: SqlStore) -> None:
        assert store.audit_verdict() == AuditVerdict(0, "", ())

    def test_events_come_back_as_they_went_in(self, told: SqlStore, event: AuditEvent) -> None:
        entries = audit_entries(told)
        assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
        assert entries[2].event == replace(event, reason="reason 2", before={"x": "1"}, facts={"x": "2"})
        assert [entry.previous for entry in entries] == ["", *(entry.hash for entry in entries[:-1])]

    @pytest.mark.parametrize(
        ("statement", "fault"),
        [
            ("UPDATE audit_events SET actor = 'somebody else' WHERE id = 3", "entry 3 was changed"),
            ("UPDATE audit_events SET reason = '' WHERE id = 1", "entry 1 was changed"),
            ("UPDATE audit_events SET at = '2020-01-01' WHERE id = 5", "entry 5 was changed"),
            ('UPDATE audit_events SET facts = \'{"x": "3"}\' WHERE id = 2', "entry 2 was changed"),
            ("UPDATE audit_events SET before = '{}' WHERE id = 2", "entry 2 was changed"),
            ("UPDATE audit_events SET action = 'site:made-default' WHERE id = 2", "entry 2 was changed"),
            ("UPDATE audit_events SET action = 'nothing that we know' WHERE id = 2", "entry 2 was changed"),
            ("UPDATE audit_events SET site = 'other' WHERE id = 2", "entry 2 was changed"),
            ("UPDATE audit_events SET facts = '[]' WHERE id = 2", "entry 2 was changed"),
            ("UPDATE audit_events SET facts = '7' WHERE id = 2", "cannot be read"),
            ("UPDATE audit_events SET hash = previous WHERE id = 4", "entry 4 was changed"),
            ("DELETE FROM audit_events WHERE id = 3", "between entry 2 and entry 4, at least one was removed"),
            ("DELETE FROM audit_events WHERE id = 1", "the log begins with entry 2"),
            ("DELETE FROM audit_events WHERE id = 5", "it holds 4 of 5 entries"),
            ("DELETE FROM audit_events", "it holds 0 of 5 entries"),
            ("UPDATE audit_events SET id = id + 100 WHERE id > 3", "between entry 3 and entry 104"),
            ("UPDATE installation SET audit_entries = 4", "does not end where it ended"),
        ],
    )
    def test_every_change_is_found(self, told: SqlStore, statement: str, fault: str) -> None:
        with told._engine.begin() as connection:
            connection.execute(text(statement.replace(":", "\\:")))
        found = told.audit_verdict().faults
        assert any(fault in each for each in found), found

    def test_the_end_can_not_be_cut_off_with_a_count_that_fits(self, told: SqlStore) -> None:
        with told._engine.begin() as connection:
            connection.execute(text("DELETE FROM audit_events WHERE id = 5"))
            connection.execute(text("UPDATE installation SET audit_entries = 4"))
        assert told.audit_verdict().faults

    def test_an_entry_can_not_be_made_without_the_key(self, told: SqlStore, event: AuditEvent) -> None:
        forger = SqlStore(told._engine, OTHER_SEALER)
        forger.record(event)
        assert "entry 6 was changed" in told.audit_verdict().faults[0]

    def test_an_entry_of_another_course_of_events_does_not_fit_in(
        self, told: SqlStore, event: AuditEvent, tmp_path: Path
    ) -> None:
        """Two databases that were one: what was written after they parted cannot be moved from one to the other."""
        url = f"sqlite:///{tmp_path / 'fork.db'}"
        create_sqlite_file(url)
        engine = open_engine(url)
        upgrade(engine)
        fork = SqlStore(engine, SEALER)
        for number in range(4):
            fork.record(replace(event, reason=f"reason {number}", before={"x": "1"}, facts={"x": "2"}))
        fork.record(replace(event, reason="what really happened"))
        told.record(event)
        one, other = audit_entries(told)[4], audit_entries(fork)[4]
        fork.close()
        assert one.previous == other.previous, "they were one"
        with told._engine.begin() as connection:
            values = {"reason": other.event.reason, "facts": '{"why": "test"}', "before": "{}", "hash": other.hash}
            statement = "UPDATE audit_events SET reason = :reason, facts = :facts, before = :before, hash = :hash"
            connection.execute(text(f"{statement} WHERE id = 5"), values)
            connection.execute(text("UPDATE audit_events SET previous = :hash WHERE id = 6"), {"hash": other.hash})
        assert audit_entries(told)[4] == other
        assert told.audit_verdict().faults == ("entry 6 was changed: its hash does not match",)

    def test_operators_at_once_leave_no_gap(self, store: SqlStore, event: AuditEvent) -> None:
        def tell() -> None:
            for _ in range(5):
                store.record(event)

        threads = [threading.Thread(target=tell) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.audit_verdict().entries == 20
        assert store.audit_verdict().faults == ()


class TestWorkers:
    """What they said last."""

    def test_they_come_and_go(self, store: SqlStore) -> None:
        one = WorkerStatus("https 1 on a", "a", 1, "https", 5, {"main": 2}, {})
        two = WorkerStatus("http 2 on a", "a", 2, "http", 5, {"main": 1}, {"main": "no key"})
        for status in (one, two, replace(one, generation=6)):
            store.heartbeat(status)
        found = store.workers(timedelta(seconds=30))
        assert [replace(each, seen_at=None) for each in found] == [two, replace(one, generation=6)]
        assert all(each.seen_at and abs(datetime.now(UTC) - each.seen_at) < timedelta(minutes=1) for each in found)
        assert store.workers(timedelta(seconds=-30)) == []
        assert store.silent_workers(timedelta(seconds=30)) == []
        assert len(store.silent_workers(timedelta(seconds=-30))) == 2
        store.remove_worker(two.worker)
        store.remove_worker("nobody")
        assert [each.worker for each in store.workers(timedelta(seconds=30))] == [one.worker]

    def test_who_is_silent_stays_until_replaced_or_forgotten(self, store: SqlStore, event: AuditEvent) -> None:
        ago, live = timedelta(days=9), timedelta(seconds=12)
        for number, (host, listener) in enumerate(
            [("a", "https"), ("a", "http"), ("a", "https"), ("b", "https"), ("b", "operators")]
        ):
            store.heartbeat(WorkerStatus(f"{listener} {number} on {host}", host, number, listener, 5, {}, {}))
        with store._engine.begin() as connection:
            connection.execute(workers.update().values(seen_at=datetime.now(UTC) - ago))
        assert len(store.silent_workers(live)) == 5, "for days"
        store.heartbeat(WorkerStatus("https 99 on a", "a", 99, "https", 5, {}, {}))
        left = [each.worker for each in store.silent_workers(live)]
        assert left == ["http 1 on a", "https 3 on b", "operators 4 on b"], "its listener has another on that host"
        with pytest.raises(NotFound, match="no host 'c'"):
            store.forget_host("c", live, event)
        with pytest.raises(Conflict, match="host 'a' is alive"):
            store.forget_host("a", live, event)
        told = len(audit_events(store))
        assert store.forget_host("b", live, event) == 2
        assert [each.worker for each in store.silent_workers(live)] == ["http 1 on a"]
        assert len(audit_events(store)) == told + 1

    def test_what_waits_on_a_host_is_kept_until_it_is_forgotten(self, store: SqlStore, event: AuditEvent) -> None:
        live = timedelta(seconds=12)
        store.heartbeat(WorkerStatus("https 1 on a", "a", 1, "https", 5, {}, {}))
        store.report_spool("b", 1)
        store.report_spool("a", 2**40)
        store.report_spool("a", 7)
        found = store.spools()
        assert [(each.host, each.waiting_bytes) for each in found] == [("a", 7), ("b", 1)]
        assert all(abs(datetime.now(UTC) - each.said_at) < timedelta(minutes=1) for each in found)
        store.forget_host("a", -live, event)
        assert [each.host for each in store.spools()] == ["b"]

    def test_a_change_wakes_who_waits_where_the_database_can_tell(self, store: SqlStore, event: AuditEvent) -> None:
        store.wait_for_change(0.01)  # the connection on which it is heard is there from now on
        waited: list[float] = []

        def wait() -> None:
            begun = time.monotonic()
            store.wait_for_change(5)
            waited.append(time.monotonic() - begun)

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.3)
        store.add_site(site("main"), SITE_KEY, event)
        is_told = store._engine.dialect.name == "postgresql"
        thread.join(8)
        assert (waited[0] < 3) is is_told


class TestRotations:
    """One at a time for each site, moved by who saw it as it is."""

    @pytest.fixture
    def rotation(self, store: SqlStore, event: AuditEvent) -> Rotation:
        store.add_site(site("main"), SITE_KEY, event)
        for label in ("", "second"):
            store.stage_release(draft("main", label), private_key(label), event)
        activate(store, "main", 1, NOW, event)
        policy = GatePolicy(Limit(1, 2.5), Limit(3, 4.5), 12.5, asks=True)
        fresh = Rotation(
            0,
            "main",
            RotationWay.LINKED_REKEY,
            RotationState.WAITING,
            1,
            (2,),
            0,
            NOW,
            "/certs/x",
            policy,
            ("canary",),
            NOW,
            "me",
        )
        return store.add_rotation(fresh, event)

    def test_they_come_back_as_they_went_in(self, store: SqlStore, rotation: Rotation) -> None:
        assert rotation.number == 1
        assert store.rotations() == store.rotations("main", only_open=True) == [rotation]

    def test_one_is_open_for_each_site(self, store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
        entries = len(audit_events(store))
        with pytest.raises(Conflict, match="already has an open rotation"):
            store.add_rotation(rotation, event)
        assert len(audit_events(store)) == entries
        ended = replace(rotation, state=RotationState.ABORTED, ended_at=NOW)
        store.move_rotation(rotation, ended, event)
        assert store.rotations("main", only_open=True) == []
        assert store.add_rotation(rotation, event).number > 1
        with pytest.raises(NotFound):
            store.add_rotation(replace(rotation, site="nobody"), event)

    def test_it_moves_with_what_is_served(self, store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
        running = replace(rotation, state=RotationState.RUNNING, step=1)
        store.move_rotation(rotation, running, event, activate=2)
        assert store.release("main", 2).state is ReleaseState.CURRENT
        with pytest.raises(Conflict, match="has changed"):
            store.move_rotation(rotation, running, event, activate=2)
        back = replace(running, state=RotationState.ROLLED_BACK, ended_at=NOW)
        store.move_rotation(running, back, event, roll_back=1)
        assert store.release("main", 1).state is ReleaseState.CURRENT
        assert store.release_before("main") is None

    def test_all_of_it_or_nothing(self, store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
        activate(store, "main", 2, NOW, event)  # past the rotation
        generation = store.generation()
        running = replace(rotation, state=RotationState.RUNNING, step=1)
        with pytest.raises(Conflict, match="somebody else was faster"):
            store.move_rotation(rotation, running, event, activate=2)
        assert store.rotations() == [rotation]
        assert store.generation() == generation


def test_a_database_of_the_first_version_becomes_one_of_this(database_url: str) -> None:
    create_sqlite_file(database_url)
    engine = open_engine(database_url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        probe = EARLIER.seal(Secret(b"engage"), SEAL_PROBE_PURPOSE)
        sealed = EARLIER.seal(SITE_KEY, "site key of main")
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
    with pytest.raises(StoreVersionMismatch, match="does not have the tables of this version"):
        schema.assert_current(engine)
    upgrade(engine, reason="version 0.2")
    schema.assert_current(engine)
    store = SqlStore(engine, SEALER)
    assert store.site("main").local_addresses == ()
    assert store.release_before("main") == 1
    assert [entry.number for entry in audit_entries(store)] == [1, 2, 3]
    assert store.audit_verdict().faults == ()
    chained = audit_entries(store)[2].event
    assert (chained.action, chained.facts) == (AuditAction.AUDIT_CHAINED, {"entries": "2", "schema": "0001"})
    assert chained.reason == "version 0.2"
    store.record(AuditEvent(NOW, "c", AuditAction.SITE_ADDED))
    assert store.audit_verdict().entries == 4
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


def test_a_server_that_became_a_standby_counts_as_gone(postgresql: PostgresServer, event: AuditEvent) -> None:
    engine = open_engine(postgresql.new_database())
    upgrade(engine)
    store = SqlStore(engine, SEALER)
    process = text("SELECT pg_backend_pid()")
    with engine.connect() as connection:  # the one of the pool; from now on nothing can be written on it
        before = connection.scalar(process)
        connection.execute(text("SET default_transaction_read_only = on"))
        connection.commit()
    assert store.generation() == 1, "it can be read"
    with pytest.raises(StoreNotUsable, match="read-only transaction") as caught:
        store.record(event)
    assert "target_session_attrs=read-write" in caught.value.next_step
    store.record(event)
    with engine.connect() as connection:
        assert connection.scalar(process) != before, "a new connection"
    store.close()


def test_long_work_may_take_longer(postgresql: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement has a limit in the server; migrations have none, and what runs over all devices a larger one."""
    monkeypatch.setattr("engage_server.store.database.postgresql.ORDINARY_SECONDS", 0.2)
    engine = open_engine(postgresql.new_database())
    sleep = text("SELECT pg_sleep(0.6)")
    with pytest.raises(StoreNotUsable, match="statement timeout") as caught, reading(engine) as connection:
        connection.execute(sleep)
    assert "took too long" in caught.value.next_step
    for seconds in (LONG_SECONDS, None):
        with writing(engine, seconds) as connection:
            connection.execute(sleep)
    with pytest.raises(StoreNotUsable, match="statement timeout"), reading(engine) as connection:
        connection.execute(sleep)
    engine.dispose()


def test_operators_write_before_the_storing_goes_on(tmp_path: Path, event: AuditEvent) -> None:
    """Batch after batch on SQLite, each longer than who waits for the lock sleeps: an operator waits for one."""
    url = f"sqlite:///{tmp_path / 'engage.db'}"
    create_sqlite_file(url)
    store = SqlStore(open_engine(url), SEALER)
    upgrade(store._engine)
    batches, over = [0], threading.Event()

    def store_all_day() -> None:
        while not over.is_set():
            with writing(store._engine, gives_way=True) as connection:
                connection.execute(text("UPDATE installation SET generation = generation"))
                time.sleep(0.15)
            batches[0] += 1

    thread = threading.Thread(target=store_all_day)
    thread.start()
    try:
        waited = []
        for _ in range(8):
            time.sleep(0.05)  # the storing has begun its next batch
            before = batches[0]
            store.record(event)
            waited.append(batches[0] - before)
    finally:
        over.set()
        thread.join()
    assert max(waited) <= 2, waited
    assert batches[0] > 4, "the control: it went on"
    store.close()


def test_postgresql_that_is_away_is_told_and_comes_back(postgresql: PostgresServer, event: AuditEvent) -> None:
    engine = open_engine(postgresql.new_database())
    upgrade(engine)
    store = SqlStore(engine, SEALER)
    store.add_site(site("main"), SITE_KEY, event)
    postgresql.stop()
    try:
        with pytest.raises(StoreNotUsable, match="database postgresql"):
            store.generation()
    finally:
        postgresql.resume()
    assert store.generation() > 1
    store.close()
