"""The database is another installation's since: whatever this host would write or send, it would be by the old one."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.composition.creation import create_installation
from engage_server.composition.device_side import DeviceSide
from engage_server.errors import StoreNotUsable
from engage_server.records import WorkerStatus
from engage_server.serving.operators.app import operators_app
from engage_server.serving.operators.repeated.repeating import Repeating
from engage_server.settings import Settings, load_settings

QUIET = logging.getLogger("test")
# The first two ask nobody while no site shares its files, and the third one while the database is on this disk. The
# last one says that the database is lost, and so does not fail.
ASK_NOTHING = {"shared-files", "upload-retention", "served-copy", "alert-store-away"}
STATUS = WorkerStatus("https 1 on gate", "gate", 1, "https", 1, {}, {})


def content(path: Path) -> list[str]:
    """All that a database holds, but how it counts its rows."""
    with closing(sqlite3.connect(path)) as connection:
        return [each for each in connection.iterdump() if "sqlite_sequence" not in each]


def put(source: Path, target: Path) -> None:
    """Let a database have the content of another one, under the connections that are open."""
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)


class Host:
    """A host of one installation, with copies of its database and of another installation's.

    Args:
        folder: Its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.settings = self._installation(folder / "ours")
        self.database = folder / "ours" / "data" / "engage.db"
        self._installation(folder / "theirs")
        self.theirs = folder / "theirs" / "data" / "engage.db"
        self.backup = folder / "backup.db"
        put(self.database, self.backup)
        self.side = DeviceSide(self.settings, None)
        self.side.distribution.publish(self.side.take_snapshot())

    @staticmethod
    def _installation(folder: Path) -> Settings:
        folder.mkdir()
        settings = load_settings(None, {"ENGAGE_BACKUP_AT": "00:00", "ENGAGE_BACKUP_FOLDER": "backups"}, {}, folder)
        create_installation(settings, {}).close()
        for each in (settings.spool_dir, settings.metrics_dir):
            each.mkdir(parents=True, exist_ok=True)
        return settings


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host that is open."""
    found = Host(tmp_path)
    yield found
    found.side.release_connections()


def test_all_that_is_repeated_stops_and_goes_on_with_a_restored_backup(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[Repeating] = []
    monkeypatch.setattr("os.nice", lambda _: None)  # not this process
    monkeypatch.setattr(Repeating, "start", lambda self, after=None: tasks.append(self))
    monkeypatch.setattr("engage_server.serving.operators.app.backup_in_child", lambda _: "")
    monkeypatch.setattr("engage_server.serving.operators.figures.doors_at_risk._SHARE", 0)  # it does not pause
    operators_app(host.settings, host.side, {}, QUIET, threading.Event())
    asking = [each for each in tasks if each._name not in ASK_NOTHING]
    assert len(asking) >= 15, "and what is new is tried, too"
    for each in tasks:
        each.once()
    assert [each._name for each in tasks if each._in_trouble] == [], "the control"
    put(host.theirs, host.database)
    before = content(host.database)
    for each in tasks:
        each.once()
    assert [each._name for each in asking if not each._in_trouble] == []
    assert content(host.database) == before
    put(host.backup, host.database)
    for each in tasks:
        each.once()
    assert [each._name for each in tasks if each._in_trouble] == [], "an older state of this installation is ours"


def test_no_worker_says_anything_to_it(host: Host) -> None:
    """There it would be shown as silent without a sign-off, although it serves its own doors."""
    host.side.heartbeat(STATUS)
    put(host.theirs, host.database)
    before = content(host.database)
    for act in (
        host.side.look,
        host.side.take_snapshot,
        lambda: host.side.heartbeat(STATUS),
        lambda: host.side.remove_worker(STATUS.worker),
        lambda: host.side.report_spool("gate", 5, None),
    ):
        with pytest.raises(StoreNotUsable, match="another installation's") as refused:
            act()
        assert refused.value.code == "store.replaced"
    assert content(host.database) == before
    put(host.backup, host.database)
    host.side.heartbeat(STATUS)
    assert len(host.side._store.workers(timedelta(seconds=9))) == 1, "the control"


def test_what_needs_no_database_is_refused_as_well(host: Host) -> None:
    host.side.assert_same_installation()
    put(host.theirs, host.database)
    host.side.assert_same_installation()  # nobody has looked yet
    for path, is_ours in ((None, False), (host.backup, True), (host.theirs, False)):
        if path:
            put(path, host.database)
        try:
            host.side.look()
            host.side.assert_same_installation()
        except StoreNotUsable as error:
            assert (error.code, is_ours) == ("store.replaced", False)
            with pytest.raises(StoreNotUsable, match="another installation's"):
                host.side.assert_same_installation()
        else:
            assert is_ours


def test_a_reload_does_not_accept_it(host: Host) -> None:
    ours = host.side.installation
    DeviceSide(host.settings, None, ours).release_connections()
    put(host.theirs, host.database)
    with pytest.raises(StoreNotUsable, match="another installation's"):
        DeviceSide(host.settings, None, ours)
    DeviceSide(host.settings, None).release_connections()
