"""An instance that starts while an activation waits for its moment: it is not ahead of those that wait."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from engage_server.composition.creation import create_installation
from engage_server.composition.device_side import DeviceSide
from engage_server.records import SwitchTerms, WorkerStatus
from engage_server.serving.settled import settled_snapshot, snapshot_to_begin_with
from engage_server.settings import load_settings
from tests.support.world import World

TERMS = SwitchTerms(timedelta(seconds=0.8), timedelta(seconds=0.1))
LATEST = (TERMS.limit + TERMS.lead).total_seconds()


@pytest.fixture
def side(world: World) -> Iterator[DeviceSide]:
    """On a store with one site, whose release 2 was activated just now."""
    settings = load_settings(None, {}, {}, world.folder / "other")
    (world.folder / "other").mkdir()
    create_installation(settings, {}).close()
    made = DeviceSide(settings, None)
    made.release_connections()
    made._store = world.store
    world.add_site()
    world.release()
    world.store.agree(SwitchTerms(timedelta()))  # the first one has its moment
    yield made


def serves(world: World) -> None:
    """Another worker serves devices, and never prepares anything."""
    world.store.heartbeat(WorkerStatus("https 1 on b", "b", 1, "https", 1, {}, {}))


def test_it_waits_with_the_workers_until_their_moment(world: World, side: DeviceSide) -> None:
    serves(world)
    world.release()
    begun = time.monotonic()
    assert settled_snapshot(side, None, TERMS, seconds=0) is None, "it is pending"
    snapshot = snapshot_to_begin_with(side, None, TERMS)
    assert LATEST - 0.3 < time.monotonic() - begun < 30
    assert snapshot.current["main"].number == 2
    assert settled_snapshot(side, None, TERMS, seconds=0) is not None


def test_what_is_activated_while_it_reads_is_waited_for(
    world: World, side: DeviceSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    serves(world)
    time.sleep(LATEST)
    takes = side.take_snapshot

    def late(try_out: None = None) -> object:
        monkeypatch.undo()
        world.release()
        return takes(try_out)

    monkeypatch.setattr(side, "take_snapshot", late)
    assert settled_snapshot(side, None, TERMS, seconds=0) is None


def test_an_earlier_moment_is_enough(world: World, side: DeviceSide) -> None:
    serves(world)
    world.release()
    begun = time.monotonic()
    threading.Timer(0.1, world.store.agree, [SwitchTerms(timedelta(microseconds=1))]).start()
    assert snapshot_to_begin_with(side, None, SwitchTerms(timedelta(seconds=20))).current["main"].number == 2
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize("terms", [SwitchTerms(timedelta(seconds=20)), SwitchTerms(timedelta())])
def test_it_waits_for_nobody_where_nobody_serves_or_waits(world: World, side: DeviceSide, terms: SwitchTerms) -> None:
    if not terms.is_together:
        serves(world)
    world.release()
    begun = time.monotonic()
    assert snapshot_to_begin_with(side, None, terms).current["main"].number == 2
    assert time.monotonic() - begun < 15
