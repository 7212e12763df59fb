"""Followers of two listeners on one store, in their real threads: they begin to serve a change at one moment."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engage_server.composition.creation import create_installation
from engage_server.composition.device_side import DeviceSide
from engage_server.composition.opening import ReleaseSealer
from engage_server.composition.starting.release_key import derived_release_key
from engage_server.errors import Refused, StoreNotUsable
from engage_server.records import StoreLook, SwitchTerms, WorkerStatus
from engage_server.services.distribution.snapshot import Snapshot
from engage_server.services.sites.register import SiteChanges
from engage_server.serving.worker.follower import SnapshotFollower
from engage_server.settings import load_settings
from engage_server.store.sql_store import SqlStore
from tests.support.running import eventually
from tests.support.world import World, serial_of

TERMS = SwitchTerms(timedelta(seconds=1), timedelta(seconds=0.1))
LATEST = (TERMS.limit + TERMS.lead).total_seconds()
QUIET = logging.getLogger("test")
SOON = 0.5  # far from the limit, on a busy machine


class Worker:
    """A follower in its threads, and when it published what."""

    def __init__(self, world: World, listener: str, terms: SwitchTerms = TERMS) -> None:
        settings = load_settings(None, {}, {}, world.folder / "other")
        self.side = DeviceSide(settings, ReleaseSealer(derived_release_key(settings, {})))
        self.store = SqlStore(world.store._engine, None, self.side._store._release_sealer)
        self.side.release_connections()
        self.side._store = world.store
        self.published: list[tuple[float, int]] = []  # when, and the release
        self.preparing: Callable[[], None] = lambda: None
        self.refused = 0
        self.follower = SnapshotFollower(
            self.side, self._prepare, 0.01, QUIET, listener, self._try_out, terms=terms, published=self._took
        )
        self.follower.follow_once()
        self.looking: Callable[[], None] = lambda: None
        self.looked: Callable[[], None] = lambda: None
        self._looks = self.side.look
        self.side.look = self._look  # type: ignore[method-assign]

    def begin(self) -> None:
        """Start its threads."""
        self.follower.heartbeat()
        self.follower.start()
        eventually(lambda: self.side._store.look().open is None, "no change waits for its moment")

    def _look(self) -> StoreLook:
        self.looking()
        look = self._looks()
        begun = time.monotonic()
        self.looked()  # before it has asked for the time
        took = time.monotonic() - begun
        return replace(look, asked_at=look.asked_at + took, now=look.now + timedelta(seconds=took))

    def _prepare(self, _snapshot: Snapshot, _held: Snapshot | None) -> None:
        self.preparing()

    def _try_out(self, release: Any) -> None:
        if release.number == self.refused:
            raise Refused("no", code="release.not_loaded")

    def _took(self, snapshot: Snapshot) -> None:
        self.published.append((time.monotonic(), self._number(snapshot)))

    def _number(self, snapshot: Snapshot) -> int:
        return snapshot.current["main"].number if "main" in snapshot.current else 0

    @property
    def release(self) -> int:
        """What it serves now."""
        return self._number(self.side.distribution.snapshot)

    def began(self, release: int) -> float:
        """When it began to serve a release."""
        return next(at for at, number in self.published if number == release)


@pytest.fixture
def workers(world: World) -> Iterator[Callable[..., Worker]]:
    """Makes workers on a store with one site, which serves release 1."""
    (world.folder / "other").mkdir()
    create_installation(load_settings(None, {}, {}, world.folder / "other"), {}).close()
    world.add_site()
    world.release()
    made: list[Worker] = []

    def make(listener: str, terms: SwitchTerms = TERMS, *, begins: bool = True) -> Worker:
        made.append(Worker(world, listener, terms))
        if begins:
            made[-1].begin()
        return made[-1]

    yield make
    for each in made:
        each.preparing = each.looking = each.looked = lambda: None
        each.follower.stop()


def stand(until: threading.Event) -> None:
    until.wait(30)


def activated(world: World) -> float:
    """Stage and activate another release; when that was announced, by the monotonic clock."""
    world.releases.activate("main", world.release(activate=False), {}, world.occasion)
    look = world.store.look()
    return look.asked_at - (look.now - look.switches[0].announced_at).total_seconds()


def reported(world: World, release: int) -> dict[str, WorkerStatus]:
    """What workers report once all serve a release, by listener."""
    live = timedelta(seconds=12)
    eventually(lambda: {each.served.get("main") for each in world.store.workers(live)} == {release}, "all report")
    return {each.listener: each for each in world.store.workers(live)}


def test_both_listeners_begin_at_one_moment(world: World, workers: Callable[..., Worker]) -> None:
    pair = [workers("http"), workers("https")]
    time.sleep(0.05)
    pair[1].preparing = lambda: time.sleep(0.4)
    begun = activated(world)
    eventually(lambda: {each.release for each in pair} == {2}, "both serve it")
    first, second = (each.began(2) for each in pair)
    assert abs(first - second) < 0.3, "one prepared 0.4 s longer than the other"
    assert first - begun >= 0.4 + TERMS.lead.total_seconds()
    assert first - begun < LATEST, "nobody waited for the limit"
    for each in reported(world, 2).values():
        assert each.late_seconds is not None
        assert not each.is_late
        assert each.switched_at
        assert each.clock_offset == 0


def test_without_an_agreement_they_differ(world: World, workers: Callable[..., Worker]) -> None:
    """The control of the one before: the old way."""
    pair = [workers(listener, SwitchTerms(timedelta())) for listener in ("http", "https")]
    pair[1].preparing = lambda: time.sleep(0.3)
    world.release()
    eventually(lambda: {each.release for each in pair} == {2}, "both serve it")
    assert pair[1].began(2) - pair[0].began(2) > 0.2
    assert reported(world, 2)["https"].late_seconds is None, "no moment was agreed on"


def test_one_that_can_not_prepare_in_time_blocks_nobody_and_is_named(
    world: World, workers: Callable[..., Worker], caplog: pytest.LogCaptureFixture
) -> None:
    quick, slow = workers("http"), workers("https")
    go_on = threading.Event()
    slow.preparing = lambda: stand(go_on)
    with caplog.at_level(logging.WARNING, QUIET.name):
        begun = activated(world)
        eventually(lambda: quick.release == 2, "the limit is over")
        assert LATEST - SOON < quick.began(2) - begun < LATEST + SOON
        assert slow.release == 1
        time.sleep(0.3)
        go_on.set()
        found = reported(world, 2)
        eventually(lambda: "not prepared in time" in caplog.text, "the log names it")
    assert not found["http"].is_late
    assert found["https"].is_late
    assert found["https"].late_seconds == pytest.approx(slow.began(2) - quick.began(2), abs=0.15)


def test_one_that_is_cut_off_after_it_prepared_begins_at_the_latest_moment(
    world: World, workers: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = workers("https")
    world.store.heartbeat(WorkerStatus("http 1 on b", "b", 1, "http", 1, {}, {}))  # it never prepares anything
    begun, before = activated(world), worker.follower._agreement.said_prepared
    eventually(lambda: worker.follower._agreement.said_prepared > before, "it is prepared")

    def away(_self: SqlStore) -> StoreLook:
        time.sleep(LATEST * 2)  # a connection that hangs
        raise StoreNotUsable("the database is away")

    monkeypatch.setattr(SqlStore, "look", away)
    assert worker.release == 1
    eventually(lambda: worker.release == 2, "by itself", LATEST + SOON)
    assert worker.began(2) - begun == pytest.approx(LATEST, abs=0.15), "not before: the others may wait"


def test_a_release_that_can_not_be_loaded_blocks_nobody(world: World, workers: Callable[..., Worker]) -> None:
    plain, tls = workers("http"), workers("https")
    tls.refused = 2
    begun = activated(world)
    eventually(lambda: plain.release == 2, "the other one goes on")
    assert plain.began(2) - begun < LATEST - 0.2
    assert tls.release == 1
    live = timedelta(seconds=12)
    eventually(lambda: any("main" in each.trouble for each in world.store.workers(live)), "it is named as ever")


def test_a_list_of_devices_waits_for_nobody(world: World, workers: Callable[..., Worker]) -> None:
    worker = workers("http")
    world.store.heartbeat(WorkerStatus("https 1 on b", "b", 1, "https", 1, {}, {}))
    begun = time.monotonic()
    world.sites.add_device(serial_of(1), "main", world.occasion)
    eventually(lambda: worker.side.distribution.snapshot.generation == world.store.generation(), "it is followed")
    assert time.monotonic() - begun < LATEST - 0.2


def test_a_stream_of_changes_delays_no_activation(world: World, workers: Callable[..., Worker]) -> None:
    pair = [workers("http"), workers("https")]
    begun, number = activated(world), 0
    while {each.release for each in pair} != {2} and time.monotonic() - begun < LATEST * 3:
        number += 1
        time.sleep(0.02)
        if number % 2:
            world.sites.add_device(serial_of(number), "main", world.occasion)
        else:
            world.sites.change(world.store.site("main"), SiteChanges(title=f"north {number}"), "", world.occasion)
    assert number > 1
    assert max(each.began(2) for each in pair) - begun < LATEST + SOON


def test_a_newer_release_before_the_moment_replaces_the_first(world: World, workers: Callable[..., Worker]) -> None:
    pair = [workers("http"), workers("https")]
    for number in [world.release(activate=False) for _ in range(2)]:
        world.releases.activate("main", number, {}, world.occasion)
    eventually(lambda: {each.release for each in pair} == {3}, "both serve the newer one", LATEST * 2 + SOON)
    for release in {number for _, number in pair[0].published} & {2, 3}:
        assert abs(pair[0].began(release) - pair[1].began(release)) < 0.15
    assert [number for _, number in pair[0].published] == [number for _, number in pair[1].published]


def absent(world: World) -> None:
    """Another host's worker reports once, and never prepares anything: whatever is announced waits for the limit."""
    world.store.heartbeat(WorkerStatus("https 1 on b", "b", 1, "https", 1, {}, {}))


def test_one_in_place_of_another_begins_with_what_the_others_serve(
    world: World, workers: Callable[..., Worker]
) -> None:
    """It was forked by a process that had looked some seconds ago."""
    other, replaced = workers("http"), workers("https", begins=False)
    activated(world)
    eventually(lambda: other.release == 2, "it is served")
    assert replaced.release == 1
    replaced.follower.start()
    assert replaced.release == 2, "before it serves anybody"
    assert reported(world, 2)["https"].late_seconds is None, "it missed no moment"


def test_a_database_that_hangs_keeps_no_worker_from_serving(world: World, workers: Callable[..., Worker]) -> None:
    worker, go_on = workers("https", begins=False), threading.Event()
    worker.looking = lambda: stand(go_on)
    begun = time.monotonic()
    worker.follower.start()
    assert time.monotonic() - begun < 15
    go_on.set()


def test_one_that_missed_a_change_is_not_ahead_with_the_next(
    world: World, workers: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was frozen, and its snapshot holds a release that all others begin to serve later."""
    quick, frozen, go_on = workers("http"), workers("https"), threading.Event()
    takes = frozen.side.take_snapshot
    frozen.looking = lambda: stand(go_on)
    activated(world)
    eventually(lambda: quick.release == 2, "the limit is over")

    def late(try_out: Any) -> Snapshot:  # after the look: this one does not know of the next change
        monkeypatch.undo()
        absent(world)
        activated(world)
        return takes(try_out)

    monkeypatch.setattr(frozen.side, "take_snapshot", late)
    go_on.set()
    eventually(lambda: {quick.release, frozen.release} == {3}, "both serve it")
    assert frozen.began(3) - quick.began(3) > -0.15


def test_one_that_was_frozen_in_a_check_checks_again_at_once(world: World, workers: Callable[..., Worker]) -> None:
    """What it has read is old. It does not wait for its next turn, and its report does not hide how late it is."""
    quick, frozen, go_on = workers("http"), workers("https"), threading.Event()
    is_in_it = threading.Event()

    def freeze() -> None:
        is_in_it.set()
        stand(go_on)

    frozen.looked = freeze
    assert is_in_it.wait(5)
    frozen.follower._poll_seconds = 2.5
    activated(world)
    eventually(lambda: quick.release == 2, "the limit is over")
    time.sleep(1.5)
    frozen.looked = lambda: None
    go_on.set()
    eventually(lambda: frozen.release == 2, "it is served")
    assert frozen.began(2) - quick.began(2) < 3.5
    late = reported(world, 2)["https"].late_seconds
    assert late is not None
    assert late > 1


def test_a_moment_that_was_agreed_on_stays_when_the_clock_is_set_back(
    world: World, workers: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = SwitchTerms(timedelta(seconds=3), timedelta(seconds=0.8))
    worker = workers("https", terms)
    begun = activated(world)
    eventually(lambda: world.store.look().open is None, "it is decided")
    worker.follower._look()
    look = worker.side.look
    back = timedelta(minutes=10)
    monkeypatch.setattr(worker.side, "look", lambda: replace(look(), now=look().now - back))
    worker.follower._look()  # a change of another site wakes it
    eventually(lambda: worker.release == 2, "served")
    assert worker.began(2) - begun < terms.limit.total_seconds()


def test_nobody_is_called_late_when_the_clock_is_set(
    world: World, workers: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, go_on = workers("https"), threading.Event()
    look, ahead = worker.side.look, timedelta(minutes=10)
    worker.looking = lambda: stand(go_on)
    time.sleep(0.1)
    activated(world)
    monkeypatch.setattr(worker.side, "look", lambda: replace(look(), now=look().now + ahead))
    worker.looking = lambda: None
    go_on.set()
    late = reported(world, 2)["https"].late_seconds
    assert late is not None
    assert late < 5, "not ten minutes"
