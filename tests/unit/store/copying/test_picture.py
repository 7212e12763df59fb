"""A picture is of one moment, blocks no writer, and leaves no file."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engage_server.records import BackupRun, BackupStep
from engage_server.store.copying.picture import picture_of
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.databases import SEALER, migrated_sqlite

_HOLD = """
import sys, time
from engage_server.store.copying.picture import picture_of
from engage_server.store.database.engine import open_engine
with picture_of(open_engine(sys.argv[1])) as picture:
    print("taken", flush=True)
    time.sleep(60)
"""


def _run(number: int) -> BackupRun:
    return BackupRun(BackupStep.CREATED, NOW, is_good=True, file=f"{number}.tar.gz", host="h", seconds=1.0)


def test_writers_go_on_and_are_not_in_it(migrated_url: str) -> None:
    engine = open_engine(migrated_url)
    store = SqlStore(engine, SEALER)
    store.record_backup_run(_run(1))
    with picture_of(engine) as picture:
        begun = time.monotonic()
        store.record_backup_run(_run(2))
        assert time.monotonic() - begun < 20, "no writer waits for it"
        assert len(list(picture.rows("backup_runs"))) == 1, "of the moment when it was taken"
        store.record_backup_run(_run(3))
        assert len(list(picture.rows("backup_runs"))) == 1
    with picture_of(engine) as picture:
        assert len(list(picture.rows("backup_runs"))) == 3, "the control"
    store.close()


def test_the_second_file_is_for_its_owner_alone_and_goes(tmp_path: Path) -> None:
    engine = open_engine(migrated_sqlite(tmp_path / "engage.db"))
    with picture_of(engine) as picture:
        (second,) = tmp_path.glob("engage.db.picture-*")
        assert stat.S_IMODE(second.stat().st_mode) == 0o600
        list(picture.rows("installation"))
        assert list(tmp_path.glob("engage.db.picture-*")) == [second], "and nothing beside it"
    assert not list(tmp_path.glob("*.picture-*"))
    with pytest.raises(RuntimeError), picture_of(engine):
        raise RuntimeError
    assert not list(tmp_path.glob("*.picture-*"))
    engine.dispose()


def test_the_next_picture_removes_the_file_of_one_that_was_killed_and_no_other(tmp_path: Path) -> None:
    url = migrated_sqlite(tmp_path / "engage.db")
    engine = open_engine(url)
    with subprocess.Popen([sys.executable, "-c", _HOLD, url], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        (held,) = tmp_path.glob("engage.db.picture-*")
        with picture_of(engine):
            assert held.exists(), "it is in use"
        os.kill(process.pid, signal.SIGKILL)
    assert held.exists()
    with picture_of(engine):
        assert not held.exists()
    engine.dispose()
