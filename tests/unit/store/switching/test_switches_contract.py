"""Announced changes in the store, on both databases."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from engage_server.records import AuditAction, AuditEvent, Device, Switch, SwitchTerms, WorkerStatus, least_generation
from engage_server.store import tables
from engage_server.store.database.engine import open_engine, writing
from engage_server.store.sql_store import SqlStore
from engage_server.store.switching import switch_queries
from engage_server.store.tables import switches, workers
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER, migrated_postgresql
from tests.support.postgresql import PostgresServer
from tests.support.rows import site

LONG = SwitchTerms(timedelta(seconds=20))
OVER = SwitchTerms(timedelta(microseconds=1))


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    yield store
    store.close()


def change(store: SqlStore, event: AuditEvent) -> int:
    """A change that is announced; the generation with it."""
    store.add_site(site(f"s{store.generation()}"), SITE_KEY, event)
    return store.generation()


def status(name: str, generation: int, prepared: int = 0, listener: str = "https") -> WorkerStatus:
    return WorkerStatus(name, "a", 1, listener, generation, {}, {}, prepared=prepared)


def newest(store: SqlStore) -> Switch:
    return store.look().switches[0]


def test_a_look_says_what_is_announced_and_what_time_it_is(store: SqlStore, event: AuditEvent) -> None:
    assert store.look().switches == ()
    generation = change(store, event)
    look = store.look()
    assert (look.generation, newest(store).generation, newest(store).switch_at) == (generation, generation, None)
    assert abs(look.now - datetime.now(UTC)) < timedelta(seconds=5)
    assert abs(look.now - newest(store).announced_at) < timedelta(seconds=60)
    assert 0 <= look.round_trip < 5
    assert abs(look.asked_at - time.monotonic()) < 5
    assert abs(look.offset) < 5, "one clock"


def test_the_last_one_that_is_prepared_decides(store: SqlStore, event: AuditEvent) -> None:
    for name in ("one", "two"):
        store.heartbeat(status(name, 1))
    store.heartbeat(status("operators", 1, listener="operators"))
    generation = change(store, event)
    store.prepared(status("one", 1, generation), LONG)
    assert newest(store).switch_at is None
    assert not store.agree(LONG)
    store.prepared(status("two", 1, generation), LONG)
    at = newest(store).switch_at
    assert at is not None
    assert timedelta() < at - newest(store).announced_at < timedelta(seconds=10)
    time.sleep(0.01)
    store.prepared(status("two", 1, generation), LONG)
    assert not store.agree(OVER)
    assert newest(store).switch_at == at, "a moment that was decided stays"


def test_who_has_signed_off_or_serves_it_already_is_not_waited_for(store: SqlStore, event: AuditEvent) -> None:
    for name in ("one", "two", "three"):
        store.heartbeat(status(name, 1))
    generation = change(store, event)
    store.prepared(status("one", 1, generation), LONG)
    store.heartbeat(status("two", generation))
    assert not store.agree(LONG)
    store.remove_worker("three")
    assert store.agree(LONG)
    assert newest(store).switch_at is not None


def test_when_the_limit_is_over_the_latest_moment_counts(store: SqlStore, event: AuditEvent) -> None:
    store.heartbeat(status("frozen", 1))
    change(store, event)
    time.sleep(0.01)
    assert store.agree(OVER)
    assert newest(store).switch_at == newest(store).latest(OVER)


def test_a_newer_change_replaces_one_without_a_moment_and_keeps_its_time(store: SqlStore, event: AuditEvent) -> None:
    store.heartbeat(status("one", 1))
    change(store, event)
    first = newest(store)
    generation = change(store, event)
    assert store.look().switches == (replace(first, generation=generation),), "a stream of changes delays nothing"
    store.prepared(status("one", 1, first.generation), LONG)
    assert newest(store).switch_at is None, "it has not prepared the newer one"
    store.prepared(status("one", 1, generation), LONG)
    decided = newest(store)
    assert decided.switch_at is not None
    later = change(store, event)
    assert store.look().switches[1] == decided, "a moment that is pending stays"
    assert (newest(store).generation, newest(store).switch_at) == (later, None)
    assert newest(store).announced_at > first.announced_at


@pytest.mark.parametrize("off", [timedelta(days=-3), timedelta(minutes=10)])
def test_a_change_that_nobody_decided_about_passes_its_time_on_to_none(
    store: SqlStore, event: AuditEvent, off: timedelta
) -> None:
    """Or the clock was set back since it was announced."""
    change(store, event)
    with writing(store._engine) as connection:
        connection.execute(switches.update().values(announced_at=datetime.now(UTC) + off))
    generation = change(store, event)
    assert [each.generation for each in store.look().switches] == [generation], "and it is forgotten"
    assert abs(datetime.now(UTC) - newest(store).announced_at) < timedelta(seconds=60)


def test_after_a_failover_no_number_is_given_a_second_time(store: SqlStore, event: AuditEvent) -> None:
    """A standby takes over without the last change. A worker that was cut off still serves that one."""
    kept = change(store, event)
    assert kept >= least_generation(datetime.now(UTC) - timedelta(minutes=5)), "it begins with the time"
    lost = change(store, event)
    assert lost > kept
    with store._engine.begin() as connection:
        lost -= 40  # it was made 40 s ago
        connection.execute(update(tables.installation).values(generation=lost - 1))
    assert change(store, event) > lost


def test_a_generation_grows_also_where_the_clock_does_not(store: SqlStore, event: AuditEvent) -> None:
    ahead = store.generation() + 2_000_000_000
    with store._engine.begin() as connection:
        connection.execute(update(tables.installation).values(generation=ahead))
    assert [change(store, event), change(store, event)] == [ahead + 1, ahead + 2]


def test_lists_of_devices_are_not_announced(store: SqlStore, event: AuditEvent) -> None:
    change(store, event)
    before, name = store.look(), store.sites()[0].name
    added = replace(event, action=AuditAction.DEVICE_ADDED, site=name)
    store.add_device(Device("0A" + "0" * 30, name, NOW), added)
    look = store.look()
    assert look.generation > before.generation
    assert look.switches == before.switches, "a bulk import replaces no activation"


def test_two_that_report_at_once_do_not_miss_each_other(store: SqlStore, event: AuditEvent) -> None:
    """Each reads whether the other one is prepared, so without a lock neither may see it."""
    names = ("one", "two", "three", "four")
    with ThreadPoolExecutor(len(names)) as threads:
        for _ in range(12):
            for name in names:
                store.heartbeat(status(name, 1))
            generation = change(store, event)
            begin = threading.Barrier(len(names))

            def report(name: str, generation: int = generation, begin: threading.Barrier = begin) -> None:
                begin.wait()
                store.prepared(status(name, 1, generation), LONG)

            list(threads.map(report, names))
            assert newest(store).switch_at is not None, "the last one decides"


def test_a_moment_is_decided_once(store: SqlStore, event: AuditEvent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two transactions that both want to decide: the second one waits, and finds it decided."""
    generation = change(store, event)
    time.sleep(0.01)
    decide, done = switch_queries.decide, []

    def slow(*arguments: object) -> bool:
        is_decided = decide(*arguments)  # type: ignore[arg-type]
        time.sleep(0.2)
        done.append(is_decided)
        return is_decided

    monkeypatch.setattr(switch_queries, "decide", slow)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda name: store.prepared(status(name, 1, generation), OVER), ("one", "two")))
    assert sorted(done) == [False, True]


def test_a_report_waits_for_no_other_worker(postgresql: PostgresServer) -> None:
    """After an outage of the database, all workers of a listener report at once, and each finds the others silent."""
    store = SqlStore(open_engine(url := migrated_postgresql(postgresql)), SEALER)
    ago = datetime.now(UTC) - timedelta(minutes=1)
    for name in ("one", "two", "dead"):
        store.heartbeat(status(name, 1))
    with writing(store._engine) as connection:
        connection.execute(update(workers).values(seen_at=ago))
    with ThreadPoolExecutor(1) as threads, writing(store._engine) as connection:  # "two" is about to report
        connection.execute(select(workers).where(workers.c.worker == "two").with_for_update())
        threads.submit(store.heartbeat, status("one", 1)).result(timeout=5)
    assert {each.worker for each in store.workers(timedelta(hours=1))} == {"one", "two"}
    store.close()
    postgresql.done_with(url)
