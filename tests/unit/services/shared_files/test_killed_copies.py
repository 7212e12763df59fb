"""The follower, the delivery and the moves are killed at each write, and run again."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from engage_server.records import AuditEvent, CallIn, CallInWay
from engage_server.services.call_in.call import CallKind
from engage_server.services.device_files.for_devices import FileForDevice
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.kill_points import Killed, KillPoints
from tests.support.rows import site
from tests.support.shared_nodes import Node, database, filled
from tests.support.world import serial_of

ONE = serial_of(1)


@pytest.fixture
def store(tmp_path: Path, event: AuditEvent) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_sqlite(tmp_path / "engage.db")), SEALER)
    store.add_site(replace(site("main"), call_in=CallIn(CallInWay.SHARED)), SITE_KEY, event)
    yield store
    store.close()


class Run:
    """One run that may have been killed."""

    was_killed = True


@contextmanager
def killed_at(point: int, store: SqlStore) -> Iterator[Run]:
    """The process ends at this point. Its connections end with it."""
    run = Run()
    with suppress(Killed), KillPoints(point).watched():
        yield run
        run.was_killed = False
    store.close()


def test_a_killed_follower_leaves_whole_files_and_ends_the_next_time(store: SqlStore, tmp_path: Path) -> None:
    first = Node(tmp_path / "first", store)
    first.put(ONE, database(1)), first.put(ONE, database(2))
    first.follow()
    plain = first.get(ONE).body
    first.put(ONE, {"invalidAttempts": 5}, FileForDevice.CONFIGURATION)
    first.follow()
    wanted, point, run = first.get(ONE).body, 0, Run()
    while run.was_killed:
        point += 1
        node = Node(tmp_path / f"n{point}", store)
        with killed_at(point, store) as run:
            node.follow()
        answer = node.get(ONE)
        assert answer.status == 503 or answer.body in (plain, wanted)
        node.restart()
        node.follow()
        assert [node.get(ONE, since).body for since in ("0", "0x1")] == [wanted, first.get(ONE, "0x1").body]
    assert point > 8


def test_a_killed_delivery_loses_and_doubles_nothing(store: SqlStore, tmp_path: Path) -> None:
    point, run, expected = 0, Run(), list[object]()
    while run.was_killed:
        point += 1
        node = Node(tmp_path / f"n{point}", store)
        uploads = [[{"point": point, "n": number}] for number in range(2)]
        for each in uploads:
            node.post(ONE, each)
        node.post(ONE, {"fw": point}, CallKind.CONFIG)
        expected += uploads
        with killed_at(point, store) as run:
            node.deliver()
        node.restart()
        node.deliver(60)
        assert node.spool.pending("main") == {}
    assert point > 5
    assert node.uploads() == expected
    assert all("times" not in (each.entry or {}) for each in node.feed.page("main", None, 1000).items)


def test_killed_moves_are_run_again(store: SqlStore, tmp_path: Path) -> None:
    origin = Node(tmp_path / "origin", store)
    filled(origin, ONE)
    wanted, point, run = origin.get(ONE, shared=False).body, 0, Run()
    while run.was_killed:
        point += 1
        with killed_at(point, store) as run:
            origin.moving.load("main", NOW, files_win=True)
    assert len(origin.exchange.events("main", ONE)) == 1
    point, run = 0, Run()
    while run.was_killed:
        point += 1
        node = Node(tmp_path / f"back{point}", store)
        with killed_at(point, store) as run:
            node.moving.write_back("main")
        node.restart()
        node.moving.write_back("main")
        assert node.get(ONE, shared=False).body == wanted
    assert point > 8
