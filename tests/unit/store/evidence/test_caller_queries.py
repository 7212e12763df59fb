"""Who called from where: what a batch costs does not depend on how many devices there are behind an address."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, event, text

from engage_server.errors import NotFound
from engage_server.records import (
    AnchorRole,
    AuditAction,
    AuditEvent,
    DeviceHistory,
    Host,
    Occasion,
    Secret,
    Sighting,
    SightingKind,
    Site,
)
from engage_server.services.evidence.devices import DeviceEvidence
from engage_server.services.evidence.fold import fold
from engage_server.store import schema
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.evidence.caller_queries import MOST_KEPT
from engage_server.store.interface import DeviceFilter, Place
from engage_server.store.sealing import Sealer
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import upgrade
from tests.support.stored import audit_events, stored_sightings
from tests.support.world import serial_of

NAT = "192.0.2.1"
SEALER = Sealer(Secret(bytes(32)))
DAY = timedelta(days=1)


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    engine = open_engine(migrated_url)
    store = SqlStore(engine, SEALER)
    yield store
    store.close()


def notice(device: int, address: str = NAT, days: int = 0) -> Sighting:
    return Sighting(SightingKind.NOTICE, NOW + days * DAY, "http", address, serial_of(device), "main", 1)


class Recording:
    """Batches into a store, with what they cost counted."""

    def __init__(self, store: SqlStore, name: str = "batch") -> None:
        self.store = store
        self._name = name
        self._batches = 0

    def take(self, *batch: Sighting) -> tuple[int, int, int]:
        """The statements of a batch, the rows that they changed, and the serial numbers that were read."""
        statements, changed, read = 0, 0, 0

        def executed(_connection: object, cursor: Any, _sql: str, parameters: Any, *_rest: object) -> None:
            nonlocal statements, changed
            statements += 1
            changed += len(parameters)

        def counting(
            known: Mapping[Place, DeviceHistory],
            serials_at: Mapping[Place, Sequence[str]],
            found: Sequence[Sighting],
            now: datetime,
        ) -> Sequence[DeviceHistory]:
            nonlocal read
            read += sum(map(len, serials_at.values()))
            return fold(known, serials_at, found, now)

        engine = self.store._engine
        event.listen(engine, "after_cursor_execute", executed)
        try:
            self._batches += 1
            segment = f"{self._name}{self._batches}"
            assert self.store.record_sightings(segment, 0, 1, batch, counting, batch[-1].at)
        finally:
            event.remove(engine, "after_cursor_execute", executed)
        return statements, changed, read


def test_a_batch_costs_the_same_when_the_devices_behind_an_address_double(store: SqlStore) -> None:
    """Operations are counted; the time that they take is measured by ``scripts/bench-evidence``."""
    recording = Recording(store)
    costs = [recording.take(*(notice(100 * batch + device) for device in range(100))) for batch in range(12)]
    assert costs[2] == costs[5] == costs[11]
    assert costs[11][2] == MOST_KEPT
    assert len(store.device_histories("main", DeviceFilter())) == 1200, "and no sighting was dropped"
    own = [notice(10_000 + device, f"10.0.0.{device}") for device in range(100)]
    assert recording.take(*own)[0] >= costs[11][0], "addresses of their own cost more"


def test_exactly_one_or_several(store: SqlStore) -> None:
    """Asked by the batch itself: whose is a handshake that says no serial number?"""
    recording = Recording(store)
    handshake = Sighting(SightingKind.HANDSHAKE_FINISHED, NOW, "https", NAT, None, "main", 1)
    recording.take(notice(1), handshake)
    assert store.device_history(serial_of(1))[0].finished_release == 1
    recording.take(*(notice(device) for device in range(2, 2 + 3 * MOST_KEPT)), handshake)
    (shared,) = store.device_history(NAT)
    assert shared.is_shared_address
    assert [each.finished_release for each in store.device_history(serial_of(2))] == [0]


def test_an_address_stays_shared_for_a_month_after_its_devices_left(store: SqlStore) -> None:
    recording = Recording(store)
    recording.take(*(notice(device) for device in range(20)))
    handshake = Sighting(SightingKind.HANDSHAKE_FINISHED, NOW + 20 * DAY, "https", NAT, None, "main", 1)
    recording.take(notice(99, days=20), handshake)
    assert store.device_history(serial_of(99))[0].finished_release == 0
    store.forget_addresses(NOW + 31 * DAY)
    recording.take(notice(99, days=32))
    store.forget_addresses(NOW + 33 * DAY)
    recording.take(Sighting(SightingKind.HANDSHAKE_FINISHED, NOW + 33 * DAY, "https", NAT, None, "main", 1))
    assert store.device_history(serial_of(99))[0].finished_release == 1


def test_what_is_disregarded_says_nothing_of_an_address(store: SqlStore) -> None:
    recording = Recording(store)
    recording.take(notice(1), replace(notice(2), disregarded="future"))
    recording.take(Sighting(SightingKind.HANDSHAKE_FINISHED, NOW, "https", NAT, None, "main", 1))
    assert store.device_history(serial_of(1))[0].finished_release == 1, "still the only one there"
    assert store.device_history(serial_of(2)) == []
    assert len(stored_sightings(store)) == 3, "it is kept"


class TestForgetting:
    """``engage device forget``."""

    def test_a_device_that_calls_again_is_new(self, store: SqlStore, event: AuditEvent) -> None:
        recording, evidence = Recording(store), DeviceEvidence(store)
        handshake = Sighting(SightingKind.HANDSHAKE_FINISHED, NOW, "https", NAT, None, "main", 1)
        recording.take(notice(1), notice(2, "192.0.2.2"), handshake)
        occasion = Occasion("tester", NOW)
        assert evidence.forget(serial_of(1), None, "gone", occasion) == ["main"]
        assert store.device_history(serial_of(1)) == []
        assert [each.identity for each in store.device_histories("main", DeviceFilter())] == [serial_of(2)]
        assert sum(store.grades("main", 1).values()) == 1
        told = audit_events(store)[-1]
        assert (told.action, told.site, told.reason) == (AuditAction.DEVICE_FORGOTTEN, "main", "gone")
        assert told.facts == {"device": serial_of(1)}
        recording.take(Sighting(SightingKind.HANDSHAKE_FINISHED, NOW, "https", NAT, None, "main", 1))
        assert [each.identity for each in store.device_history(NAT)] == [NAT], "nobody says any more whose this is"
        assert evidence.forget(NAT, None, "", occasion) == ["main"]
        recording.take(notice(1, days=1))
        assert store.device_history(serial_of(1))[0].nights == 1

    def test_in_one_site_and_what_was_never_seen(self, store: SqlStore, event: AuditEvent) -> None:
        for name in ("main", "north"):
            store.add_site(Site(name, (Host(f"{name}.example"),), AnchorRole.ROOT, False, (), NOW), SITE_KEY, event)
        evidence, occasion = DeviceEvidence(store), Occasion("tester", NOW)
        recording = Recording(store)
        north = Sighting(SightingKind.NOTICE, NOW, "http", NAT, serial_of(1), "north", 1)
        recording.take(notice(1), north)
        assert evidence.forget(serial_of(1), "north", "", occasion) == ["north"]
        assert [each.site for each in store.device_history(serial_of(1))] == ["main"]
        told = len(audit_events(store))
        unknown = (serial_of(1), "north"), (serial_of(7), None), ("192.0.2.77", "main"), (NAT, "nowhere")
        for identity, where in unknown:
            with pytest.raises(NotFound):
                evidence.forget(identity, where, "", occasion)
        assert len(audit_events(store)) == told, "nothing was done, nothing is told"


class TestUpgrade:
    """Of an installation whose evidence knew no usual addresses."""

    def test_devices_keep_what_they_proved(self, database_url: str, tmp_path: Path) -> None:
        create_sqlite_file(database_url)
        engine = open_engine(database_url)
        _upgrade_to(engine, "0004")
        with engine.begin() as connection:
            for number, (nights, finished) in enumerate(((1, 1), (9, 1), (9, 0), (9, 1)), 1):
                connection.execute(text(_HISTORY), {"id": number, "who": serial_of(number), "n": nights, "f": finished})
            connection.execute(text(_HISTORY), {"id": 9, "who": "192.0.2.9", "n": 4, "f": 1})
            for number in (1, 2, 3, 4):
                connection.execute(text(_ADDRESS), {"a": f"192.0.2.{number}", "s": serial_of(number)})
            connection.execute(text(_ADDRESS), {"a": "192.0.2.44", "s": serial_of(4)})
            for number in range(100, 130):
                connection.execute(text(_ADDRESS), {"a": NAT, "s": serial_of(number)})
        upgrade(engine)
        store = SqlStore(engine, SEALER)
        known = {each.identity: each for each in store.device_histories("main", DeviceFilter())}
        found = {who: (each.home, each.tls_nights, each.finished_release) for who, each in known.items()}
        assert found == {
            serial_of(1): ("192.0.2.1", 1, 1),
            serial_of(2): ("192.0.2.2", 3, 1),
            serial_of(3): ("192.0.2.3", 0, 0),
            serial_of(4): ("", 3, 1),
            "192.0.2.9": ("192.0.2.9", 3, 1),
        }
        second = known[serial_of(2)]
        assert (second.home_since, second.home_seen_at, second.home_nights) == (second.first_seen, second.last_seen, 9)
        with engine.connect() as connection:
            kept = connection.execute(text("SELECT count(*) FROM device_addresses WHERE address = '192.0.2.1'"))
            assert kept.scalar_one() == MOST_KEPT
        Recording(store).take(notice(4, "192.0.2.44", days=1))
        (moved,) = store.device_history(serial_of(4))
        assert (moved.home, moved.finished_release, moved.tls_nights) == ("192.0.2.44", 1, 3)
        store.close()


_HISTORY = (
    "INSERT INTO device_histories (id, site, identity, first_seen, last_seen, nights, due_at, notices, certificates, "
    "refusals, failure, fetched_release, finished_release, finished_at, asked_again_at, is_shared_address) VALUES "
    "(:id, 'main', :who, 1795000000, 1795600000, :n, 1795900000, 0, 0, 0, '', 0, :f, 1795600000 * :f, 0, 0)"
)
_ADDRESS = "INSERT INTO device_addresses (address, site, serial, seen_at) VALUES (:a, 'main', :s, 1795600000)"


def _upgrade_to(engine: Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
