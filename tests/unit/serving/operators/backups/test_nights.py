"""When the operators' instance starts the nightly work, and what it says of its end."""

import logging
import os
import pickle
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from engage_server.errors import NotPossible
from engage_server.records import BackupRun, BackupStep
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.backups.child import backup_in_child
from engage_server.serving.operators.backups.nights import NightlyBackups
from engage_server.setting_values import SecretText
from engage_server.settings import Settings
from engage_server.store.sealing import new_key_encryption_key
from tests.support.backups import settings_of
from tests.support.chains import NOW
from tests.support.world import World

_LOG = logging.getLogger("test")
MIDDAY = NOW.replace(hour=12)  # whatever the hour of the run is: far from the time of backups, and from midnight


class Host:
    """One host's operators' instance, with the work and the clock in the test's hand."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.world, self.now, self.done, self.failure = world, MIDDAY, 0, ""
        side = cast("ActingSide", SimpleNamespace(get=lambda: SimpleNamespace(backup_runs=world.store)))
        self.nights = NightlyBackups(side, settings, self.work, _LOG, lambda: self.now)

    def work(self, settings: Settings) -> str:
        self.done += 1
        if not self.failure:
            good = BackupRun(BackupStep.DRILLED, self.now, True, "b.tar.gz", "gate-1", 1.0)
            self.world.store.record_backup_run(good)
        return self.failure


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        yield world


def nightly(folder: Path, at: time | None = time(2, 30)) -> Settings:
    return replace(settings_of(folder), backup_folder=folder / "nights", backup_at=at)


def test_it_runs_once_a_night_on_one_host(world: World, tmp_path: Path) -> None:
    one, other = Host(world, nightly(tmp_path)), Host(world, nightly(tmp_path))
    for minute in range(0, 24 * 60, 20):
        one.now = other.now = MIDDAY + timedelta(minutes=minute)
        one.nights.run()
        other.nights.run()
    assert (one.done + other.done) in (1, 2)  # the one that was missed, and the next night's
    assert len({each.at.date() for each in world.store.backup_runs(10)}) == one.done + other.done


def test_hosts_in_different_time_zones_agree_by_the_setting(world: World, tmp_path: Path) -> None:
    """The control: by their own zones, each makes one."""
    berlin, auckland = (
        replace(nightly(tmp_path), backup_time_zone=each) for each in ("Europe/Berlin", "Pacific/Auckland")
    )
    for hosts, backups in (
        ([Host(world, berlin), Host(world, berlin)], 2),
        ([Host(world, berlin), Host(world, auckland)], 4),
    ):
        before = len(world.store.backup_runs(100))
        for minute in range(0, 48 * 60, 20):
            for each in hosts:
                each.now = MIDDAY + timedelta(days=9 * backups, minutes=minute)
                each.nights.run()
        made = len(world.store.backup_runs(100)) - before
        assert made - backups in (0, 1), "and the one that was missed"


def test_without_a_time_of_day_nothing_runs(world: World, tmp_path: Path) -> None:
    host = Host(world, nightly(tmp_path, None))
    host.nights.run()
    assert host.done == 0


def test_a_failure_is_reported_and_tried_again_later(world: World, tmp_path: Path) -> None:
    host = Host(world, nightly(tmp_path))
    host.failure = "there is no space for the backup"
    with pytest.raises(NotPossible, match="no space"):
        host.nights.run()
    host.now += timedelta(minutes=30)
    with pytest.raises(NotPossible, match="no space"):  # no try is due, and nothing is good again
        host.nights.run()
    assert host.done == 1
    host.failure = ""
    host.now += timedelta(hours=2)
    host.nights.run()
    assert host.done == 2


def test_the_process_says_why_it_failed(tmp_path: Path) -> None:
    """A real one: it gets the settings, finds no installation, and says so without a traceback."""
    failure = backup_in_child(nightly(tmp_path))
    assert "there is no installation here" in failure


_PARENT = """
import pickle, sys
from engage_server.serving.operators.backups.child import backup_in_child
backup_in_child(pickle.loads(sys.stdin.buffer.read()))
"""


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    """Its database accepts a connection and says nothing, so that it would wait. Until the kill, it does."""
    (tmp_path / "engage.kek").write_bytes(new_key_encryption_key())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        url = SecretText(f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none")
        with subprocess.Popen([sys.executable, "-c", _PARENT], stdin=subprocess.PIPE) as parent:
            assert parent.stdin is not None
            parent.stdin.write(pickle.dumps(replace(nightly(tmp_path), database_url=url)))
            parent.stdin.close()
            connection, _ = silent.accept()
            children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
            assert len(children) == 1
            child = os.pidfd_open(int(children[0]))
            assert not _has_ended(child, 0.5), "the control"
            os.kill(parent.pid, signal.SIGKILL)
        assert _has_ended(child, 30)
        os.close(child)
        connection.close()


def _has_ended(process: int, seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(process, selectors.EVENT_READ)
        return bool(selector.select(seconds))
