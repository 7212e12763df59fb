"""Rows that are written many at a time: each value in its own column, on both databases."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text

from engage_server.records import DeviceHistory, Grade, ReleaseHistory, Sighting, SightingKind
from engage_server.services.evidence.fold import fold
from engage_server.store.database.batches import insert_all, one_of, upsert
from engage_server.store.database.engine import open_engine, reading, writing
from engage_server.store.evidence import standing
from engage_server.store.sql_store import SqlStore
from engage_server.store.tables import device_addresses, sightings
from tests.support.databases import SEALER
from tests.support.stored import stored_sightings
from tests.support.world import serial_of

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
COLUMNS = ["serial", "seen_at", "site", "address"]  # in another order than the table's
KEY = ["address", "site", "serial"]


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = open_engine(migrated_url)
    yield engine
    engine.dispose()


def kept(engine: Engine, *addresses: str) -> list[tuple[Any, ...]]:
    columns = device_addresses.c
    query = select(columns.serial, columns.seen_at, columns.site, columns.address).order_by(columns.serial)
    with reading(engine) as connection:
        if addresses:
            query = query.where(one_of(connection, columns.address, list(addresses)))
        return [tuple(row) for row in connection.execute(query)]


def test_rows_are_inserted_and_then_replaced(engine: Engine) -> None:
    first = [(serial_of(number), NOW, f"site{number}", f"192.0.2.{number}") for number in range(3)]
    with writing(engine) as connection:
        upsert(connection, device_addresses, COLUMNS, KEY, first)
        upsert(connection, device_addresses, COLUMNS, KEY, [])
    assert kept(engine) == first
    later = [(serial_of(1), NOW + timedelta(days=1), "site1", "192.0.2.1"), (serial_of(9), NOW, "a", "x'; --")]
    with writing(engine) as connection:
        upsert(connection, device_addresses, COLUMNS, KEY, later)
    assert kept(engine) == [first[0], later[0], first[2], later[1]]
    assert kept(engine, "192.0.2.2", "nowhere") == [first[2]]


def test_what_one_column_cannot_hold_leaves_nothing_behind(engine: Engine) -> None:
    rows = [(serial_of(1), NOW, "main", "192.0.2.1"), (serial_of(2), NOW, None, "192.0.2.2")]
    with pytest.raises(Exception, match=r"(?i)null"), writing(engine) as connection:
        upsert(connection, device_addresses, COLUMNS, KEY, rows)
    assert kept(engine) == []


def test_every_field_of_a_sighting_is_what_it_was(engine: Engine) -> None:
    full = Sighting(
        SightingKind.HANDSHAKE_FAILED, NOW, "https", "192.0.2.1", serial_of(1), "main", 3, "TLSv1.3", "alert x"
    )
    marked = replace(full, resumed=True, authenticated=True, disregarded="future", at=NOW + timedelta(microseconds=5))
    bare = Sighting(SightingKind.NOTICE, NOW, "http", "::1")
    store = SqlStore(engine, SEALER)
    assert store.record_sightings("segment", 0, 9, [full, marked, bare], fold, NOW)
    assert stored_sightings(store) == [full, bare, marked]


def test_every_field_of_a_history_is_what_it_was_when_it_is_new_and_when_it_changes(engine: Engine) -> None:
    store, wanted = SqlStore(engine, SEALER), [odd(1), odd(2)]

    def folded(known: object, serials_at: object, found: object, now: object) -> list[DeviceHistory]:
        return wanted

    found = [Sighting(SightingKind.NOTICE, NOW, "http", each.home, each.identity, "main", 1) for each in wanted]
    for turn in range(2):
        assert store.record_sightings("segment", turn, turn + 1, found, folded, NOW)
        for each in wanted:
            assert store.device_history(each.identity) == [each]
        wanted = [replace(each, notices=70, is_contested=False, away_seen_at=None) for each in reversed(wanted)]


def test_a_batch_of_many_takes_as_many_statements_as_one_of_few(engine: Engine) -> None:
    store, statements = SqlStore(engine, SEALER), []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    notice, counts = Sighting(SightingKind.NOTICE, NOW, "http", "", None, "main", 1), []
    for turn, devices in enumerate((2, 300)):
        found = [
            replace(notice, address=f"192.0.{turn}.{device % 256}", serial=serial_of(1000 * turn + device))
            for device in range(devices)
        ]
        statements.clear()
        assert store.record_sightings(f"segment{turn}", 0, 1, found, fold, NOW)
        counts.append(len(statements))
    assert counts[1] <= counts[0] + 6, "the questions are asked 400 at a time"


def test_a_batch_reads_by_index_however_the_planner_would(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        return  # SQLite's planner does so anyway
    fill = "INSERT INTO device_addresses SELECT 'a' || n, 'main', 's' || n, 1 FROM generate_series(1, 20000) AS n"
    with engine.begin() as connection:
        connection.execute(text(fill))
        connection.execute(text("ANALYZE device_addresses"))
    addresses = [f"a{number * 50}" for number in range(1, 400)]
    explain = "EXPLAIN SELECT serial FROM device_addresses WHERE address = ANY(:wanted)"
    plans = []
    for prepare in (lambda _connection: None, standing.by_index):
        with writing(engine) as connection:
            prepare(connection)
            plans.append(" ".join(connection.scalars(text(explain), {"wanted": addresses})))
    assert "Seq Scan" in plans[0], "else this test shows nothing"
    assert "Seq Scan" not in plans[1]
    with reading(engine) as connection:
        assert connection.scalar(text("SHOW enable_seqscan")) == "on", "it was for one transaction"


def test_storing_a_batch_asks_for_that(engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    notice = Sighting(SightingKind.NOTICE, NOW, "http", "192.0.2.1", serial_of(1), "main", 1)
    assert SqlStore(engine, SEALER).record_sightings("segment", 0, 1, [notice], fold, NOW)
    asked = [at for at, each in enumerate(statements) if "enable_seqscan = off" in each]
    first = next(at for at, each in enumerate(statements) if "FROM device_addresses" in each)
    assert bool(asked) == (engine.dialect.name == "postgresql")
    assert all(at < first for at in asked)


def test_no_text_is_cut_or_changed_on_its_way(engine: Engine) -> None:
    odd_texts = ['a"b', "a\\b", "{a,b}", "NULL", "", " ", "\\"]
    rows = [(each, NOW, "main", f"192.0.2.{at}") for at, each in enumerate(odd_texts)]
    with writing(engine) as connection:
        upsert(connection, device_addresses, COLUMNS, KEY, rows)
    with reading(engine) as connection:
        columns = device_addresses.c
        found = connection.execute(select(columns.serial).where(one_of(connection, columns.serial, odd_texts)))
        assert sorted(found.scalars()) == sorted(odd_texts)
        assert connection.scalar(select(columns.serial).where(one_of(connection, columns.serial, ["\\" * 40]))) is None


def test_nothing_is_written_of_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        insert_all(connection, sightings, ["kind"], [])
    assert stored_sightings(SqlStore(engine, SEALER)) == []


def odd(number: int) -> DeviceHistory:
    """A history in which no two numbers and no two times are the same."""
    values: dict[str, Any] = {"identity": serial_of(number), "site": "main", "home": f"192.0.2.{number}"}
    values["is_shared_address"] = False  # such a one has no releases
    for at, field in enumerate(fields(DeviceHistory), 10 * number):
        if field.name not in values:
            of_its_kind: dict[object, object] = {int: at, str: f"text {at}", bool: True}
            values[field.name] = of_its_kind.get(field.type, NOW + timedelta(hours=at))
    return DeviceHistory(**values | {"releases": {1: ReleaseHistory(Grade.CERTIFICATE, NOW)}})
