"""The contract of the part of ``store.interface`` that knows backups, on every database."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from engage_server.records import BackupRun, BackupStep
from engage_server.store.alerts import backup_queries
from engage_server.store.alerts.backup_queries import KEPT
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.databases import SEALER

_PAUSE = timedelta(hours=2)


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    yield store
    store.close()


def run(step: BackupStep, minutes: int, *, why: str = "") -> BackupRun:
    at = NOW + timedelta(minutes=minutes)
    return BackupRun(step, at, not why, f"{minutes}.tar.gz", "gate-1", 1.5, why, "7:0123abcd")


def claim(store: SqlStore, host: str, minutes: int, due: int = 0, most: int = 3) -> bool:
    now = NOW + timedelta(minutes=minutes)
    return store.claim_backup(host, now, NOW + timedelta(minutes=due), _PAUSE, most)


def test_runs_come_back_as_they_were_newest_first(store: SqlStore) -> None:
    runs = [run(BackupStep.CREATED, 1), run(BackupStep.DRILLED, 2), run(BackupStep.DRILLED, 3, why="a seal is broken")]
    for each in runs:
        store.record_backup_run(each)
    assert list(store.backup_runs(10)) == runs[::-1]
    assert list(store.backup_runs(1)) == runs[-1:]
    assert list(store.last_good_backup_runs()) == runs[:2]


def test_old_runs_are_forgotten_but_never_the_newest_good_one(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert KEPT >= 400
    monkeypatch.setattr(backup_queries, "KEPT", 5)
    store.record_backup_run(run(BackupStep.DRILLED, 0))
    for minutes in range(1, 8):
        store.record_backup_run(run(BackupStep.DRILLED, minutes, why="bad"))
    assert len(store.backup_runs(10_000)) == 6
    assert [each.file for each in store.last_good_backup_runs()] == ["0.tar.gz"]


def test_one_host_makes_the_backup_and_the_others_wait(store: SqlStore) -> None:
    assert claim(store, "gate-1", 1)
    assert not claim(store, "gate-2", 2)
    assert not store.backup_runs(10)  # a claim is no run
    store.record_backup_run(run(BackupStep.DRILLED, 5))
    assert not claim(store, "gate-2", 200)  # it was made
    assert claim(store, "gate-2", 1500, due=1440)  # the next night


def test_another_host_tries_when_the_first_one_failed_or_died(store: SqlStore) -> None:
    assert claim(store, "gate-1", 1)
    store.record_backup_run(run(BackupStep.DRILLED, 2, why="bad"))
    assert not claim(store, "gate-2", 100)
    assert claim(store, "gate-2", 122)
    assert claim(store, "gate-1", 250)
    assert not claim(store, "gate-1", 500)  # three tries a night


def test_of_hosts_that_ask_at_once_only_one_gets_it(migrated_url: str) -> None:
    stores = [SqlStore(open_engine(migrated_url), SEALER) for _ in range(4)]
    got: list[bool] = []
    together = threading.Barrier(len(stores))

    def ask(number: int) -> None:
        together.wait()
        got.append(claim(stores[number], f"gate-{number}", 1))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert sorted(got) == [False, False, False, True]
