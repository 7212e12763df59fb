"""When the nightly backup is due, which ones stay, what a night does, and when its absence is a fault."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engage_server.errors import NotPossible
from engage_server.records import BackupRun, BackupStep, Occasion
from engage_server.services.backup.archive.manifest import Manifest
from engage_server.services.backup.archive.reading import open_archive
from engage_server.services.backup.creation import CreatedBackup
from engage_server.services.backup.drill import DrillReport
from engage_server.services.backup.nights.kept import nightly_name, superfluous
from engage_server.services.backup.nights.nightly import NightlyWork
from engage_server.services.backup.nights.standing import backup_standing
from engage_server.services.backup.nights.timetable import OVERDUE_AFTER, last_due
from engage_server.store.sql_store import SqlStore
from tests.support.backups import archive_bytes
from tests.support.chains import NOW
from tests.support.world import World

_AT = time(2, 30)
_BERLIN, _SAO_PAULO = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Sao_Paulo")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "wanted"),
    [
        ("2026-11-27T01:29", _BERLIN, "2026-11-26T01:30"),
        ("2026-11-27T01:30", _BERLIN, "2026-11-27T01:30"),
        ("2026-11-27T23:30", _BERLIN, "2026-11-27T01:30"),
        ("2026-03-29T00:59", _BERLIN, "2026-03-28T01:30"),  # at 01:00 the clock goes from 02:00 to 03:00: no 02:30
        ("2026-03-29T01:30", _BERLIN, "2026-03-29T01:30"),  # it is due as much later: at 03:30
        ("2026-10-25T00:30", _BERLIN, "2026-10-25T00:30"),  # 02:30 comes twice: it is due the first time
        ("2026-10-25T01:30", _BERLIN, "2026-10-25T00:30"),
        ("2018-11-04T05:30", _SAO_PAULO, "2018-11-04T04:30"),
    ],
)
def test_it_is_due_at_the_local_time_also_when_clocks_change(now: str, zone: ZoneInfo, wanted: str) -> None:
    assert last_due(utc(now), _AT, zone) == utc(wanted)


def test_each_day_has_one_time_that_is_due() -> None:
    """Also around changes of the clock: never two for one night, and never a night without one."""
    for begin in ("2026-03-25", "2026-10-22"):
        moments = [utc(f"{begin}T00:00") + timedelta(minutes=10 * step) for step in range(6 * 24 * 7)]
        due = sorted({last_due(moment, _AT, _BERLIN) for moment in moments})
        assert len(due) in (7, 8)
        gaps = {later - earlier for earlier, later in pairwise(due)}
        assert gaps <= {timedelta(hours=hours) for hours in (23, 24, 25)}


def test_without_a_zone_it_is_the_machine_s() -> None:
    due = last_due(NOW, _AT, None)
    local = due.astimezone()
    assert (local.hour, local.minute) == (2, 30)
    assert NOW - timedelta(hours=25) < due <= NOW


def names_of(*days: int) -> list[str]:
    return [nightly_name("gate-1", utc(f"2026-11-{day:02}T01:30")) for day in days]


def test_the_newest_good_ones_stay() -> None:
    names = names_of(1, 2, 3, 4, 5)
    assert superfluous(names, names, 2) == names[:3]
    assert superfluous(names, names, 9) == []


def test_the_last_good_one_stays_whatever_came_after_it() -> None:
    names = names_of(1, 2, 3, 4)
    failed = [names[0], names[1], f"{names[2]}.failed", f"{names[3]}.failed"]
    assert superfluous(failed, {names[1]}, 1) == [names[0]]
    assert superfluous(failed, set(), 1) == []


def test_other_files_are_never_touched() -> None:
    names = [*names_of(3), "engage-by-hand.tar.gz", "notes.txt", "engage-gate-1-20261101T013000Z.tar.gz.gpg"]
    assert superfluous(names, {names[0]}, 1) == []


@dataclass
class Night:
    """A night with a clock that goes on by itself."""

    store: SqlStore
    folder: Path
    begin: datetime = NOW
    create_fails: str = ""
    faults: list[str] = field(default_factory=list)

    def run(self, keep: int = 2) -> str:
        return NightlyWork(self.store, self.folder, keep, "gate-1", self.create, self.verify, self.clock).run("me")

    def clock(self) -> datetime:
        self.begin += timedelta(seconds=2)
        return self.begin

    def create(self, path: Path, occasion: Occasion) -> CreatedBackup:
        if self.create_fails:
            raise NotPossible(self.create_fails, "Make space.")
        path.write_bytes(archive_bytes())
        return CreatedBackup(path, 1, self.manifest(path))

    def manifest(self, path: Path) -> Manifest:
        return open_archive(path).manifest

    def verify(self, path: Path) -> DrillReport:
        return DrillReport(self.manifest(path), self.faults, (), (), {}, 0)


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with World(tmp_path) as world:
        yield Night(world.store, tmp_path / "nights")


def test_a_good_night_is_recorded_and_old_ones_go(night: Night) -> None:
    for day in range(4):
        night.begin = NOW + timedelta(days=day)
        assert night.run() == ""
    assert len(list(night.folder.iterdir())) == 2
    steps = [(run.step, run.is_good) for run in night.store.backup_runs(100)]
    assert steps == [(BackupStep.DRILLED, True), (BackupStep.CREATED, True)] * 4
    assert {run.host for run in night.store.last_good_backup_runs()} == {"gate-1"}


def test_bad_nights_never_take_the_last_good_backup(night: Night) -> None:
    assert night.run(keep=1) == ""
    (good,) = (path.name for path in night.folder.iterdir())
    night.faults = ["main: the TLS chain is not the one in the manifest"]
    for day in range(1, 4):
        night.begin = NOW + timedelta(days=day)
        assert night.run(keep=1) == night.faults[0]
    names = sorted(path.name for path in night.folder.iterdir())
    assert names[0] == good
    assert [name.endswith(".failed") for name in names] == [False, True, True, True]
    night.faults, night.begin = [], NOW + timedelta(days=5)
    assert night.run(keep=1) == ""
    assert len(list(night.folder.iterdir())) == 1


def test_a_backup_that_cannot_be_made_is_recorded(night: Night) -> None:
    night.create_fails = "there is no space for the backup"
    assert "no space" in night.run()
    (run,) = night.store.backup_runs(10)
    assert (run.step, run.is_good, "no space" in run.why) == (BackupStep.CREATED, False, True)


def test_no_folder_is_made_where_a_disk_is_not_mounted(night: Night) -> None:
    """Otherwise backups would fill the system's disk. The control: one level may be missing, as in all other tests."""
    disk = night.folder / "disk"
    night.folder = disk / "nights"
    assert f"{disk} does not exist" in night.run()
    assert not disk.exists()
    (run,) = night.store.backup_runs(10)
    assert (run.is_good, str(disk) in run.why) == (False, True)


def test_what_a_killed_process_left_goes(night: Night) -> None:
    night.folder.mkdir(mode=0o700)
    (night.folder / ".engage-gate-1-20261101T013000Z.tar.gz.0123abcd").write_bytes(b"half")
    assert night.run() == ""
    assert len(list(night.folder.iterdir())) == 1


def run(step: BackupStep, at: datetime, why: str = "") -> BackupRun:
    return BackupRun(step, at, not why, "b.tar.gz", "gate-1", 3.0, why, "7:abc")


def test_a_backup_that_is_too_old_is_a_fault(world: World) -> None:
    store = world.store
    assert backup_standing(store, NOW, is_nightly=False).sentence == ""
    never = backup_standing(store, NOW, is_nightly=True)
    assert never.needs_attention
    assert "there was none yet" in never.faults[0]
    for step in BackupStep:
        store.record_backup_run(run(step, NOW))
    good = backup_standing(store, NOW + OVERDUE_AFTER, is_nightly=True)
    assert not good.needs_attention
    assert not good.faults
    late = backup_standing(store, NOW + OVERDUE_AFTER + timedelta(seconds=1), is_nightly=True)
    assert late.needs_attention
    assert [late.is_overdue(step) for step in BackupStep] == [True, True]
    by_hand = backup_standing(store, NOW + timedelta(days=90), is_nightly=False)
    assert not by_hand.needs_attention


def test_only_the_drill_is_overdue_if_it_fails(world: World) -> None:
    for step in BackupStep:
        world.store.record_backup_run(run(step, NOW))
    later = NOW + timedelta(days=2)
    world.store.record_backup_run(run(BackupStep.CREATED, later))
    world.store.record_backup_run(run(BackupStep.DRILLED, later + timedelta(minutes=1), "a seal is broken"))
    standing = backup_standing(world.store, later + timedelta(hours=1), is_nightly=True)
    assert [standing.is_overdue(step) for step in BackupStep] == [False, True]
    assert standing.failed is not None
    assert "a seal is broken" in standing.faults[-1]
