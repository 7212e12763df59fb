"""A database that fails over to a standby may forget what it confirmed: the spool's files are there a little longer."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.records import SightingKind
from engage_server.services.distribution.snapshot import ServedAnswer
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.evidence.spool import SpoolWriter, spooled_bytes
from engage_server.services.evidence.transfer import SightingTransfer
from tests.support.stored import stored_sightings
from tests.support.world import World

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERVED = ServedAnswer(b"{}", "main", 7)
PLENTY = 1 << 30


class Host:
    """A host with a spool, and a database whose standby lags behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        (path / "primary").mkdir()
        self.primary = World(path / "primary")
        self.spool = path / "spool"
        self.spool.mkdir()
        self._opened = [self.primary]

    def called(self, *doors: int) -> None:
        """Doors call, and the file of the spool is finished then."""
        writer = SpoolWriter(self.spool, PLENTY)
        sightings = Sightings("http", writer, lambda: NOW.timestamp())
        for door in doors:
            sightings.answered(SightingKind.NOTICE, SERVED, f"192.0.2.{door}", None)
        sightings.flush()
        writer.close()

    def standby(self) -> World:
        """A database that has what the primary has now, and nothing that comes later."""
        folder = self._path / f"standby{len(self._opened)}"
        folder.mkdir()
        with (
            closing(sqlite3.connect(self.primary.folder / "engage.db")) as primary,
            closing(sqlite3.connect(folder / "engage.db")) as copy,
        ):
            primary.backup(copy)
        self._opened.append(World(folder))
        return self._opened[-1]

    def moved(self, world: World, at: datetime = NOW, kept_bytes: int = PLENTY) -> list[str]:
        """Who has called, as a database has it after a transfer."""
        SightingTransfer(self.spool, world.store, timedelta(days=9), kept_bytes=kept_bytes).run(at)
        return sorted(each.address for each in stored_sightings(world.store))

    def kept(self) -> list[int]:
        """The sizes of the files that are kept."""
        return sorted(each.stat().st_size for each in self.spool.glob("*.stored"))

    def close(self) -> None:
        """Close the databases."""
        for each in self._opened:
            each.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.close()


class TestFailoverWithLoss:
    """The standby takes over, and lacks sightings that the primary had confirmed."""

    def test_what_it_lacks_is_moved_again_exactly_once(self, host: Host) -> None:
        host.called(1)
        host.moved(host.primary)
        standby = host.standby()
        host.called(2, 3)
        everything = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        assert host.moved(host.primary) == everything
        assert host.moved(standby) == everything
        assert host.moved(standby) == everything

    def test_without_kept_files_it_is_lost(self, host: Host) -> None:
        standby = host.standby()
        host.called(2, 3)
        assert len(host.moved(host.primary, kept_bytes=0)) == 2
        assert host.moved(standby, kept_bytes=0) == []

    def test_a_file_of_which_it_has_the_beginning(self, host: Host) -> None:
        writer = SpoolWriter(host.spool, PLENTY)
        sightings = Sightings("http", writer, lambda: NOW.timestamp())
        sightings.answered(SightingKind.NOTICE, SERVED, "192.0.2.1", None)
        sightings.flush()
        host.moved(host.primary)
        standby = host.standby()
        sightings.answered(SightingKind.NOTICE, SERVED, "192.0.2.2", None)
        sightings.flush()
        writer.close()
        assert host.moved(host.primary) == host.moved(standby) == ["192.0.2.1", "192.0.2.2"]


class TestHowLong:
    """Kept files are no part of the spool, and do not stay."""

    def test_they_leave_the_spool_its_room(self, host: Host) -> None:
        host.called(1)
        host.moved(host.primary)
        assert host.kept()
        assert spooled_bytes(host.spool) == 0

    def test_for_an_hour(self, host: Host) -> None:
        host.called(1)
        host.moved(host.primary)
        host.moved(host.primary, NOW + HOUR)
        assert len(host.kept()) == 1
        host.moved(host.primary, NOW + HOUR + timedelta(seconds=1))
        assert host.kept() == []

    def test_the_newest_that_have_room(self, host: Host) -> None:
        for minute in range(3):
            host.called(*range(minute + 1))
            host.moved(host.primary, NOW + timedelta(minutes=minute))
        sizes = host.kept()
        host.moved(host.primary, NOW + timedelta(minutes=3), kept_bytes=sum(sizes[1:]))
        assert host.kept() == sizes[1:]

    def test_half_a_line_at_the_end_of_a_killed_process_is_not_moved_for_ever(self, host: Host) -> None:
        host.called(1)
        (path,) = host.spool.glob("*.sightings")
        whole = path.stat().st_size
        with path.open("ab") as file:
            file.write(b'{"at":')
        for _ in range(2):
            host.moved(host.primary)
            assert host.kept() == [whole]
            assert not list(host.spool.glob("*.sightings"))
