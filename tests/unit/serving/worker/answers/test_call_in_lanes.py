"""Who gets the next thread for call-ins, who is refused, and when a system is no longer asked."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engage_server.errors import NotPossible
from engage_server.records import CallIn, CallInWay, UnknownDevices, Upstream
from engage_server.services.call_in.call import Call, CallKind
from engage_server.services.call_in.circuit import Circuit
from engage_server.services.call_in.dispatch import CallIns
from engage_server.services.call_in.limits import AT_ONCE, CallLimits
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.distribution.call_in_shares import CallInShares, call_in_shares
from engage_server.services.sites.enrolment_days import EnrolmentDays
from engage_server.serving.worker.answers.call_in_lanes import WAITING_FOR_EACH_THREAD, CallInLanes, Lane
from tests.support.calls import call_in
from tests.support.chains import NOW
from tests.support.partner import Partner
from tests.support.running import eventually
from tests.support.world import World, serial_of

SLOW, OTHER_SLOW = (Lane(site, waits=True, is_credential=False) for site in ("slow", "other"))
AT_THE_DOOR = Lane("slow", waits=True, is_credential=True)
FILES = Lane("north", waits=False, is_credential=False)
THREADS = 8


class Jobs:
    """Calls that are answered when the test says so."""

    def __init__(self, threads: int = THREADS, sites: int = 2) -> None:
        self.shares: CallInShares = call_in_shares(threads, sites)
        self.lanes = CallInLanes(threads, lambda: self.shares)
        self.running: list[Lane] = []
        self.order: list[Lane] = []
        self.ends: dict[Lane, threading.Semaphore] = {}
        self._lock = threading.Lock()

    def submit(self, lane: Lane, count: int = 1) -> list[bool]:
        self.ends.setdefault(lane, threading.Semaphore(0))
        return [self.lanes.submit(lane, lambda: self._job(lane)) for _ in range(count)]

    def end(self, lane: Lane, count: int = 1) -> None:
        self.ends[lane].release(count)

    def _job(self, lane: Lane) -> None:
        with self._lock:
            self.running.append(lane)
            self.order.append(lane)
        self.ends[lane].acquire()
        with self._lock:
            self.running.remove(lane)

    def run(self, lane: Lane, count: int) -> None:
        """So many of a lane run, and no more."""
        eventually(lambda: self.running.count(lane) == count, f"{count} of {lane}, not {self.running}")


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs()
    yield made
    for lane in made.ends:
        made.end(lane, 1000)
    made.lanes.close()


class TestLanes:
    def test_a_slow_system_leaves_threads_to_files_to_its_own_readers_and_to_other_sites(self, jobs: Jobs) -> None:
        jobs.submit(SLOW, 40)
        jobs.run(SLOW, jobs.shares.site)
        for lane in (OTHER_SLOW, AT_THE_DOOR, FILES):
            jobs.submit(lane)
            jobs.run(lane, 1)
        assert jobs.running.count(SLOW) == jobs.shares.site
        assert jobs.lanes.pending == 43

    def test_all_that_wait_for_systems_leave_threads_to_files(self, jobs: Jobs) -> None:
        for lane in (SLOW, OTHER_SLOW, AT_THE_DOOR):
            jobs.submit(lane, 40)
        eventually(lambda: len(jobs.running) == jobs.shares.upstream, "all that may")
        jobs.submit(FILES)
        jobs.run(FILES, 1)

    def test_the_only_site_with_a_system_is_not_halved(self) -> None:
        assert call_in_shares(16, 1).site == 12
        assert call_in_shares(16, 2).site == 6
        for threads in range(1, 40):
            for sites in range(4):
                shares = call_in_shares(threads, sites)
                assert 1 <= shares.site <= shares.nightly <= shares.upstream <= threads
                assert threads == 1 or shares.upstream < threads

    def test_a_credential_call_is_next(self) -> None:
        """With one thread there is only the order."""
        jobs = Jobs(threads=1)
        south = Lane("south", waits=False, is_credential=False)
        for lane in (AT_THE_DOOR, FILES):
            jobs.submit(lane)
            jobs.run(lane, 1)
            jobs.end(lane)
            jobs.run(lane, 0)
        jobs.submit(FILES, 2)
        jobs.run(FILES, 1)
        jobs.submit(south)  # whose turn it would be: it never had one
        jobs.submit(AT_THE_DOOR)
        for lane in (FILES, AT_THE_DOOR, south, FILES):
            jobs.run(lane, 1)
            jobs.end(lane)
        eventually(lambda: not jobs.lanes.pending, "all")
        assert jobs.order[2:] == [FILES, AT_THE_DOOR, south, FILES]

    def test_lanes_take_turns(self) -> None:
        jobs = Jobs(threads=1)
        north, south = FILES, Lane("south", waits=False, is_credential=False)
        jobs.submit(north, 6)
        jobs.submit(south, 2)
        for lane in (north, south):
            jobs.end(lane, 6)
        eventually(lambda: not jobs.lanes.pending, "all")
        assert jobs.order[:4].count(south) == 2, "two that came last do not wait for six"

    def test_what_waits_has_a_limit_of_each_lane(self, jobs: Jobs) -> None:
        taken = jobs.submit(SLOW, 1000).count(True)
        assert taken == jobs.shares.site * (1 + WAITING_FOR_EACH_THREAD)
        assert jobs.submit(FILES) == [True]
        assert jobs.submit(AT_THE_DOOR) == [True]
        assert jobs.submit(OTHER_SLOW) == [True], "another site's waits have room, too"

    def test_a_job_that_fails_gives_its_thread_back(self) -> None:
        jobs = Jobs(threads=1)

        def fails() -> None:
            raise ValueError

        for _ in range(3):
            assert jobs.lanes.submit(FILES, fails)
        jobs.submit(FILES)
        jobs.run(FILES, 1)
        jobs.end(FILES)
        eventually(lambda: not jobs.lanes.pending, "all")


class TestCircuit:
    def opened(self) -> tuple[Circuit, list[float]]:
        now = [0.0]
        circuit = Circuit(lambda: now[0])
        told = [circuit.silent(f"device{number % 3}") for number in range(5)]
        assert told == [False] * 4 + [True]
        return circuit, now

    def test_it_opens_after_silence_in_a_row_and_lets_one_through_to_see(self) -> None:
        circuit, now = self.opened()
        assert not circuit.may_call()
        now[0] = 6
        assert [circuit.may_call() for _ in range(5)] == [True, False, False, False, False]
        assert not circuit.silent("device1"), "it is told once"
        assert not circuit.may_call()
        now[0] = 12
        assert not circuit.may_call(), "twice as long"
        now[0] = 17
        assert circuit.may_call()
        assert circuit.answered(), "told, too"
        assert not circuit.is_open
        assert not circuit.answered()

    def test_one_device_alone_opens_nothing(self) -> None:
        circuit = Circuit(lambda: 0.0)
        assert not any(circuit.silent(f"device{number % 2}") for number in range(100))
        assert circuit.may_call()

    def test_an_answer_begins_the_row_anew(self) -> None:
        circuit = Circuit(lambda: 0.0)
        for _ in range(10):
            assert not any(circuit.silent(f"device{number}") for number in range(4))
            circuit.answered()

    def test_a_clock_that_is_set_back_does_not_keep_it_open(self) -> None:
        circuit, now = self.opened()
        now[0] = -1e6
        assert circuit.may_call()


def upstream_world(world: World, url: str, unknown: UnknownDevices = UnknownDevices.ENROLL) -> CallIns:
    """What answers calls, by a system that has half a second."""
    world.add_site()
    world.answer_call_ins(CallIn(CallInWay.UPSTREAM, unknown=unknown, upstream=Upstream(url, 0.5)))
    return world.call_ins(world.distribution())


def scan(device: int | None, kind: CallKind = CallKind.DATABASE, address: str = "192.0.2.1") -> Call:
    query = f"serialNumber={serial_of(device)}" if device is not None else ""
    target = f"/swordfish/lock/db/0?{query}"
    return call_in(kind, b"{}", query=query, target=target, since="0", address=address)


class TestTheDoor:
    def test_a_silent_system_is_no_longer_waited_for(self, world: World) -> None:
        partner = Partner().start()
        try:
            partner.mode, partner.pause = "slow", 2
            calls = upstream_world(world, partner.url)
            assert {calls.answer(scan(device)).status for device in range(12)} == {503}
            assert len(partner.got) == 5, "the others were not passed on"
            assert calls.open_circuits() == ["main"]
            assert len([told for told in world.told if "are not passed on for now" in told]) == 1
        finally:
            partner.stop()

    def test_one_that_errs_is_asked_each_time(self, world: World) -> None:
        """An error is an answer."""
        partner = Partner().start()
        try:
            partner.mode = "error"
            calls = upstream_world(world, partner.url)
            assert {calls.answer(scan(device)).status for device in range(12)} == {503}
            assert len(partner.got) == 12
        finally:
            partner.stop()

    def test_more_calls_of_one_device_than_can_be_are_refused(self) -> None:
        limits = CallLimits(lambda: 0.0, 10)
        with limits.one_call("main", "A"), limits.one_call("main", "A"), limits.one_call("main", "A"):
            with pytest.raises(NotPossible, match=f"more than {AT_ONCE}"), limits.one_call("main", "A"):
                pass
            with limits.one_call("main", "B"), limits.one_call("other", "A"):
                pass
            with limits.one_call("main", None), limits.one_call("main", None):
                pass
        with limits.one_call("main", "A"):
            pass
        assert not limits._running, "nothing is remembered"

    def test_who_says_no_serial_number_is_limited_by_address_where_strangers_are_refused(self, world: World) -> None:
        world.nameless = 20
        calls = upstream_world(world, "http://127.0.0.1:1", UnknownDevices.REFUSE)
        statuses = [calls.answer(scan(None, CallKind.AUDIT)).status for _ in range(25)]
        assert statuses == [201] + [202] * 19 + [503] * 5
        assert calls.answer(scan(None, CallKind.AUDIT, "192.0.2.2")).status == 201
        assert "nameless_calls_per_minute" in world.told[-1]

    def test_so_many_a_minute(self) -> None:
        now = [0.0]
        limits = CallLimits(lambda: now[0], 60)
        assert [limits.may_be_nameless("2001:db8::1") for _ in range(61)].count(True) == 60
        assert not limits.may_be_nameless("2001:db8::2"), "one host has a whole /64"
        now[0] = 5
        assert [limits.may_be_nameless("2001:db8::1") for _ in range(9)].count(True) == 5
        for number in range(10_000):
            limits.may_be_nameless(f"192.0.2.{number}")
        assert len(limits._left) < 5000


class TestEnrolment:
    def days(self, folder: Path, clock: Callable[[], float] = NOW.timestamp) -> EnrolmentDays:
        return EnrolmentDays(folder, 5, DiskReserve(folder, 0), clock)

    def test_so_many_a_day_of_each_site_by_all_processes(self, tmp_path: Path) -> None:
        one, two = self.days(tmp_path), self.days(tmp_path)
        let_in = [(one if number % 2 else two).let_in("main", serial_of(number)) for number in range(8)]
        assert let_in == [True] * 5 + [False] * 3
        assert all(each.let_in("main", serial_of(number)) for each in (one, two) for number in range(5)), "again"
        assert one.let_in("other", serial_of(7))
        assert (one.today("main"), one.today("other")) == (5, 1)
        tomorrow = self.days(tmp_path, lambda: NOW.timestamp() + 86400)
        assert tomorrow.let_in("main", serial_of(7))
        assert [path.name for path in tmp_path.glob("main.*")] == [f"main.{NOW:%Y-%m-}{NOW.day + 1:02}"]

    def test_a_torn_line_is_no_device(self, tmp_path: Path) -> None:
        self.days(tmp_path).let_in("main", serial_of(1))
        (file,) = tmp_path.iterdir()
        with file.open("a") as opened:
            opened.write("0000")
        days = self.days(tmp_path)
        assert days.let_in("main", serial_of(2))
        assert file.read_text().split() == [serial_of(1), serial_of(2)]

    def test_further_ones_are_unknown_make_no_folder_and_are_told_once(self, world: World) -> None:
        world.add_site()
        world.answer_call_ins(CallIn(unknown=UnknownDevices.ENROLL))
        world.enrolment = self.days(world.folder / "enrolled")
        made = world.call_ins(world.distribution())

        def audit(device: int) -> int:
            body = b'[{"event": "0B07"}]'
            query = f"serialNumber={serial_of(device)}"
            call = call_in(body=body, query=query)
            return made.answer(call).status

        assert [audit(device) for device in range(8)] == [201] * 5 + [404] * 3
        assert [audit(device) for device in range(5)] == [202] * 5
        folders = {path.name for path in (world.folder / "data" / "main").iterdir()} - {".uploads"}
        assert folders == {serial_of(device) for device in range(5)}
        assert len([told for told in world.told if "enroll_per_day" in told]) == 1
