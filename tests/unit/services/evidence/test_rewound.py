"""A machine is restored from a snapshot with its memory: its processes go on, and write below what the store has."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from engage_server.errors import StoreNotUsable
from engage_server.records import SightingKind
from engage_server.services.distribution.snapshot import ServedAnswer
from engage_server.services.evidence.reading.rewound import Rewinds
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.evidence.spool import SpoolWriter, segments
from engage_server.services.evidence.transfer import SightingTransfer
from engage_server.store.tables import sightings
from tests.support.chains import NOW
from tests.support.world import World, address_of, serial_of, serving

KEEP = timedelta(days=99)
MINUTE = timedelta(minutes=1)


class Machine:
    """One machine with a worker, and with the process that moves what the worker writes.

    Args:
        world: The store.
        folder: Its spool.
        kept_bytes: As for the transfer.
    """

    def __init__(self, world: World, folder: Path, kept_bytes: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self._world, self._kept_bytes = folder, world, kept_bytes
        self._writer = SpoolWriter(folder, 1 << 20)
        self.transfer = self._process()
        self._sizes: dict[Path, int] = {}

    def _process(self) -> SightingTransfer:
        return SightingTransfer(self.folder, self._world.store, KEEP, kept_bytes=self._kept_bytes)

    def serve(self, *minutes: int) -> None:
        """Let a door call in these minutes."""
        for each in minutes:
            writing = Sightings("http", self._writer, (NOW + each * MINUTE).timestamp)
            writing.answered(SightingKind.NOTICE, ServedAnswer(b"{}", "main", 1), address_of(1), serial_of(1))
            writing.flush()

    def move(self, minute: int) -> None:
        """Let it store what is there."""
        self.transfer.run(NOW + minute * MINUTE)

    def live_on(self, *minutes: int) -> None:
        """Go on after the snapshot, which is made now: until the machine is restored from it."""
        self._sizes = {each.path: each.size for each in segments(self.folder)}
        memory, self.transfer = self.transfer, self._process()
        self.serve(*minutes)
        self.move(max(minutes))
        self.transfer = memory

    def is_restored(self) -> None:
        """The disk is as it was. The processes are, too: they know nothing of what came since."""
        for path, size in self._sizes.items():
            os.truncate(path, size)

    def ends(self) -> None:
        """The worker ends."""
        self._writer.close()


def stored(world: World) -> list[int]:
    """The minutes of the calls that the store has, each as often as it has it."""
    with world.store._engine.connect() as connection:
        found: list[datetime] = list(connection.scalars(select(sightings.c.at)))
    return sorted(round((each - NOW) / MINUTE) for each in found)


def away(*_: object) -> None:
    """No store."""
    raise StoreNotUsable("it is away")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site that serves its first release."""
    (tmp_path / "world").mkdir()
    with serving(tmp_path / "world") as found:
        yield found


@pytest.fixture
def machine(world: World, tmp_path: Path) -> Machine:
    """One that stored a call in minute 1."""
    found = Machine(world, tmp_path / "spool")
    found.serve(1)
    found.move(2)
    return found


@pytest.mark.parametrize("later", [(10,), (10, 11, 12, 13, 14, 15, 16)], ids=["below the offset", "beyond it"])
def test_what_is_written_after_the_restore_is_stored_once(
    world: World, machine: Machine, later: tuple[int, ...]
) -> None:
    """A file that has grown beyond the offset again does not look strange: the process has to remember."""
    machine.live_on(3, 4, 5)
    machine.is_restored()
    machine.serve(*later)
    machine.move(20)
    assert stored(world) == [1, 3, 4, 5, *later]
    machine.serve(21)
    machine.ends()
    machine.move(22)
    assert stored(world) == [1, 3, 4, 5, *later, 21]
    assert list(segments(machine.folder)) == []


def test_without_that_they_are_lost(world: World, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(Rewinds, "continued", lambda self, found, offsets, names, now: (found, offsets))
    machine.live_on(3, 4, 5)
    machine.is_restored()
    machine.serve(10)
    machine.move(20)
    assert stored(world) == [1, 3, 4, 5]


def test_it_is_said_for_a_day(machine: Machine) -> None:
    machine.move(3)
    assert machine.transfer.rewinds.said(NOW + 3 * MINUTE) is None, "the control"
    machine.live_on(4)
    machine.is_restored()
    machine.move(20)
    now = NOW + 20 * MINUTE
    found = machine.transfer.rewinds.said(now)
    assert found is not None
    assert (found.since, found.found_at) == (NOW + 3 * MINUTE, now)
    assert found.sentence.startswith(f"that machine went back to a snapshot of {found.since:%Y-%m-%d %H:%M} UTC. ")
    machine.move(30)
    assert machine.transfer.rewinds.said(NOW + 30 * MINUTE) == found, "said once, not at each look"
    assert machine._process().rewinds.said(now + timedelta(hours=23)) == found, "also by the next process"
    assert machine.transfer.rewinds.said(now + timedelta(hours=24)) is None


def test_what_was_not_moved_at_the_snapshot_may_come_twice(world: World, machine: Machine) -> None:
    """Better than never: where the file ended then, nobody knows."""
    machine.serve(3)
    machine.live_on(4)
    machine.is_restored()
    machine.serve(10)
    machine.move(20)
    assert stored(world) == [1, 3, 3, 4, 10]


def test_a_process_that_was_started_since_finds_a_file_that_is_too_short(world: World, machine: Machine) -> None:
    machine.live_on(3, 4, 5)
    machine.is_restored()
    machine.transfer = machine._process()
    machine.serve(10)
    machine.move(20)
    assert stored(world) == [1, 1, 3, 4, 5, 10]


def test_a_restored_disk_with_new_processes_says_nothing_twice(world: World, machine: Machine, tmp_path: Path) -> None:
    """Each process writes files of its own, so nothing is below an offset."""
    machine.live_on(3, 4, 5)
    machine.is_restored()
    machine.ends()
    again = Machine(world, machine.folder)
    again.serve(10)
    again.move(20)
    assert stored(world) == [1, 3, 4, 5, 10]
    assert again.transfer.rewinds.said(NOW + 20 * MINUTE) is None


def test_a_confirmation_that_was_lost_is_no_other_life(
    world: World, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = world.store.record_parts

    def lost(*arguments: object) -> None:
        record(*arguments)  # type: ignore[arg-type]  # as they came
        raise StoreNotUsable("it was lost while it confirmed the change")

    machine.serve(3)
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "record_parts", lost)
        with pytest.raises(StoreNotUsable):
            machine.move(4)
    machine.serve(5)
    machine.move(6)
    assert stored(world) == [1, 3, 5]
    assert machine.transfer.rewinds.said(NOW + 6 * MINUTE) is None


def test_a_store_that_goes_back_is_no_other_life(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A standby took over that had less. What is kept is moved again, also that of an earlier process."""
    machine = Machine(world, tmp_path / "spool", kept_bytes=1 << 20)
    machine.serve(1, 2)
    machine.move(3)
    machine.ends()
    machine.move(4)
    machine.transfer = machine._process()
    machine.move(5)
    assert stored(world) == [1, 2]
    with world.store._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM sightings")
        connection.exec_driver_sql("UPDATE spool_offsets SET offset = offset / 2")
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "record_parts", away)
        with pytest.raises(StoreNotUsable):
            machine.move(5)
    for minute in (6, 7):
        machine.serve(minute)
        machine.move(minute)
    assert stored(world)[-3:] == [2, 6, 7]
    assert machine.transfer.rewinds.said(NOW + 7 * MINUTE) is None


def test_a_store_that_fails_meanwhile_is_asked_again(
    world: World, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.live_on(3, 4)
    machine.is_restored()
    machine.serve(10)

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "record_parts", away)
        with pytest.raises(StoreNotUsable):
            machine.move(20)
    machine.move(21)
    assert stored(world) == [1, 3, 4, 10]
