"""A restore for use: into an empty place only, all of it or nothing, and nothing comes back that must not."""

import dataclasses
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engage_server.composition.operator_side import open_operator_side
from engage_server.composition.remains import RESTORING
from engage_server.errors import Conflict, NotPossible, Refused, SettingsInvalid, StoreVersionMismatch
from engage_server.records import AuditAction, AuditHead
from engage_server.services.backup.archive.reading import ArchivedFile, open_archive
from engage_server.services.backup.recovery.placing import Places, place_files
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.evidence.spool import claim
from engage_server.store import schema
from engage_server.store.sealing import new_key_encryption_key
from tests.support.commands import ENGAGE, clean_environment
from tests.support.lengths import examples
from tests.support.postgresql import PostgresServer
from tests.support.restoring import UPLOAD, killed, make_backup, request_for, restored
from tests.support.running import engage, ok
from tests.support.world import serial_of


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One backup for all of these tests."""
    return make_backup(tmp_path_factory.mktemp("backup"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """No URL for the database in the folder, or that of an empty PostgreSQL database."""
    if request.param == "sqlite":
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    yield (url := server.new_database())
    server.done_with(url)


def _environment(url: str) -> dict[str, Any]:
    return {"ENGAGE_DATABASE_URL": url} if url else {}


def _is_whole(place: Path, url: str) -> None:
    assert ok(engage(place, "audit", "verify", **_environment(url)))
    assert serial_of(1) in ok(engage(place, "device", "list", "--json", **_environment(url)))
    for name in (f"main/{serial_of(1)}/database.json", UPLOAD):
        path = place / "data" / name
        assert path.read_text() == '{"of": "then"}'
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "engage.kek").stat().st_mode) == 0o600
    assert not list((place / "data").glob("*.unfinished*"))
    assert not (place / "data" / RESTORING).exists()


def test_everything_is_there_again_and_the_audit_log_says_so(backup: Path, tmp_path: Path, url: str) -> None:
    request = request_for(backup, tmp_path / "place", url)
    request.settings.served_copy.parent.mkdir(parents=True)
    request.settings.served_copy.write_text("what devices were answered before")
    done = restored(request)
    _is_whole(tmp_path / "place", url)
    assert not request.settings.served_copy.exists()
    side = open_operator_side(request.settings, _environment(url))
    entry = side._store.audit_entry(done.head.number)
    assert entry is not None
    assert entry.event.action is AuditAction.BACKUP_RESTORED
    assert entry.event.facts["head"] == str(done.manifest.audit_head)
    assert entry.event.facts["file"] == "backup.tar.gz"
    assert entry.event.reason == "the host is lost"
    assert side._store.generation() > done.manifest.generation + 500, "a worker that still runs sees a change"
    side.close()


STEPS = ("place_files", "fill", "_recorded", "leave_trace", "keep_key", "Aftermath")


@pytest.mark.parametrize("step", STEPS)
def test_what_was_killed_is_not_used_and_is_finished_by_running_it_again(
    backup: Path, tmp_path: Path, url: str, step: str
) -> None:
    place = tmp_path / "place"
    request = request_for(backup, place, url)
    assert killed(request, before=step)
    assert (place / "data" / RESTORING).exists()
    for command in ("status", "init"):
        refused = engage(place, command, **_environment(url))
        assert refused.returncode == 3, "it never looks whole"
        assert "restore.begun" in refused.stderr
        assert not (place / "engage.toml").exists(), "init refuses before it writes anything"
    restored(request)
    _is_whole(place, url)


@pytest.mark.parametrize("table", ["audit_events", "devices", "sites", "no_table"])
def test_killed_between_the_rows_of_postgresql(
    backup: Path, tmp_path: Path, postgresql: PostgresServer, table: str
) -> None:
    """All rows are one transaction: after a kill none is there, and the next run brings all of them."""
    url, place = postgresql.new_database(), tmp_path / "place"
    request = request_for(backup, place, url)
    is_killed = killed(request, at_table=table)
    assert is_killed is (table != "no_table"), "the control has no such table, and ends"
    if is_killed:
        assert postgresql.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", postgresql.name_of(url))
        assert engage(place, "status", **_environment(url)).returncode == 3
        restored(request)
    _is_whole(place, url)
    postgresql.done_with(url)


def test_a_disk_that_is_too_small_is_known_before_anything_is_written(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for(backup, tmp_path / "place")
    needed = 2 * open_archive(backup).table_bytes
    monkeypatch.setattr(DiskReserve, "shortage", lambda self, count=0: "full" if count == needed else "")
    with pytest.raises(NotPossible, match="the database needs up to 1 MiB: full"):
        restored(request)
    assert list((tmp_path / "place").iterdir()) == []
    monkeypatch.undo()
    restored(request)


def test_a_reader_that_goes_away_stops_nothing(backup: Path, tmp_path: Path) -> None:
    """As ``engage backup restore FILE | head -1`` does."""
    place = tmp_path / "place"
    place.mkdir()
    reading, writing = os.pipe()
    os.close(reading)
    command = [ENGAGE, "backup", "restore", str(backup), "--kek-file", str(backup.parent / "kept.kek")]
    with subprocess.Popen(command, cwd=place, env=clean_environment(), stdout=writing, stderr=subprocess.PIPE) as run:
        os.close(writing)
        _, said = run.communicate()
    assert (run.returncode, said) == (0, b"")
    _is_whole(place, "")


@pytest.mark.parametrize("at_sync", range(1, 24, examples(all=5, quick=7, campaign=1)))
def test_killed_at_any_write(backup: Path, tmp_path: Path, at_sync: int) -> None:
    place = tmp_path / "place"
    request = request_for(backup, place)
    if killed(request, at_sync=at_sync) and engage(place, "status").returncode == 0:
        assert not (place / "data" / RESTORING).exists(), "only the mark was left to remove"
        _is_whole(place, "")
        return
    if not (place / "data" / "engage.db").exists() or (place / "data" / RESTORING).exists():
        restored(request)
    _is_whole(place, "")


def test_another_backup_does_not_finish_it(backup: Path, tmp_path: Path) -> None:
    request = request_for(backup, tmp_path / "place")
    assert killed(request, before="fill")
    with pytest.raises(Conflict, match="another restore has begun") as refused:
        restored(dataclasses.replace(request, only_database=True))
    assert str(request.settings.data_dir) in refused.value.next_step


def test_nothing_is_restored_under_servers_that_run(backup: Path, tmp_path: Path) -> None:
    """They would use it before anybody has looked at it. The control: once they have ended, it is restored."""
    request = dataclasses.replace(request_for(backup, tmp_path / "place"), only_database=True)
    spool = request.settings.spool_dir
    spool.mkdir(parents=True)
    held = claim(spool)
    with pytest.raises(Conflict, match="the servers of this host run"):
        restored(request)
    assert not (request.settings.data_dir / "engage.db").exists()
    os.close(held)
    restored(request)


@pytest.mark.parametrize("there", ["database", "empty database with a log", "device", "spool", "spool, stored"])
def test_a_place_that_is_not_empty_stays_as_it_is(backup: Path, tmp_path: Path, there: str) -> None:
    place = tmp_path / "place"
    request = request_for(backup, place)
    data = place / "data"
    name = {
        "database": "engage.db",
        "empty database with a log": "engage.db-wal",
        "device": f"main/{serial_of(2)}/database.json",
        "spool": "spool/x.sightings",
        "spool, stored": "spool/x.stored",
    }[there]
    (data / name).parent.mkdir(parents=True)
    (data / name).write_text("theirs")
    before = sorted(place.rglob("*"))
    with pytest.raises(Conflict) as refused:
        restored(request)
    assert "Nothing was changed" in refused.value.next_step
    assert sorted(place.rglob("*")) == before
    if there in ("device", "spool", "spool, stored"):
        restored(dataclasses.replace(request, only_database=True))
        assert (data / name).read_text() == "theirs"
        assert not (data / UPLOAD).exists()
        assert serial_of(1) in ok(engage(place, "device", "list", "--json"))


def test_a_postgresql_that_is_not_empty_stays_as_it_is(
    backup: Path, tmp_path: Path, postgresql: PostgresServer
) -> None:
    url = postgresql.new_database()
    postgresql.ask("CREATE TABLE theirs (a int)", postgresql.name_of(url))
    with pytest.raises(Conflict, match="it has the table theirs"):
        restored(request_for(backup, tmp_path / "place", url))
    assert not (tmp_path / "place" / "data").exists()
    postgresql.done_with(url)


def test_the_key_is_checked_before_the_first_byte_is_written(backup: Path, tmp_path: Path) -> None:
    place, other = tmp_path / "place", tmp_path / "other.kek"
    other.write_bytes(new_key_encryption_key())
    refused = engage(tmp_path, "--config", str(tmp_path / "engage.toml"), "backup", "restore", str(backup))
    assert refused.returncode == 2
    place.mkdir()
    refused = engage(place, "backup", "restore", backup)
    assert refused.returncode == 2
    assert "--kek-file FILE" in refused.stderr
    refused = engage(place, "backup", "restore", backup, "--kek-file", other)
    assert refused.returncode == 1
    assert "backup.other_key" in refused.stderr
    assert list(place.iterdir()) == []
    shutil.copy(other, place / "engage.kek")
    with pytest.raises(SettingsInvalid, match="another key"):
        request_for(backup, place)


def test_a_backup_that_is_older_than_expected_or_of_another_history_is_refused(backup: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    request = request_for(backup, place)
    head = _head(backup, tmp_path)
    newer, other = AuditHead(head.number + 1, "0" * 64), AuditHead(head.number, "0" * 64)
    for expected, code in ((newer, "backup.older"), (other, "backup.other_history")):
        with pytest.raises(Refused) as refused:
            restored(dataclasses.replace(request, expected=expected))
        assert refused.value.code == code
        assert list(place.iterdir()) == []
    restored(dataclasses.replace(request, expected=head))


def _head(backup: Path, tmp_path: Path) -> AuditHead:
    done = engage(tmp_path, "backup", "verify", backup, "--kek-file", backup.parent / "kept.kek", "--json")
    number, _, found = json.loads(ok(done))["manifest"]["audit_head"].partition(":")
    return AuditHead(int(number), found)


def test_a_newer_version_is_refused(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_for(backup, tmp_path / "place")
    monkeypatch.setattr(schema, "REVISIONS", schema.REVISIONS[:-1])
    with pytest.raises(StoreVersionMismatch, match="newer version"):
        restored(request)
    assert list((tmp_path / "place").iterdir()) == []


def test_a_key_from_elsewhere_that_differs_is_refused_before_anything_is_written(backup: Path, tmp_path: Path) -> None:
    """The restored host would use that one, and open nothing. The control: the same key is no trouble."""
    place, kept = tmp_path / "place", backup.parent / "kept.kek"
    place.mkdir()
    other: dict[str, Any] = {"ENGAGE_KEY_ENCRYPTION_KEY": new_key_encryption_key().decode().strip()}
    refused = engage(place, "backup", "restore", backup, "--kek-file", kept, **other)
    assert refused.returncode == 2
    assert "ENGAGE_KEY_ENCRYPTION_KEY gives another key" in refused.stderr
    assert list(place.iterdir()) == []
    same: dict[str, Any] = {"ENGAGE_KEY_ENCRYPTION_KEY": kept.read_text().strip()}
    assert "restored the backup" in ok(engage(place, "backup", "restore", backup, "--kek-file", kept, **same))


def test_a_newer_file_of_the_authority_stays(tmp_path: Path) -> None:
    """It may hold the only key of a root that doors trust by now. That of the backup lies beside it."""
    content = {"main/partner_CA.key": b"of then", "main/partner_CA.pem": b"the same"}
    files = [ArchivedFile(f"authority/{name}", each) for name, each in content.items()]
    places = Places(tmp_path / "data", tmp_path / "uploads", tmp_path, tmp_path / "certs")
    (tmp_path / "certs" / "main").mkdir(parents=True)
    (tmp_path / "certs" / "main" / "partner_CA.key").write_bytes(b"of now, and longer")
    for _ in range(2):  # again, as after an interruption
        place_files(files, places)
        found = {path.name: path.read_bytes() for path in (tmp_path / "certs" / "main").iterdir()}
        assert found == {
            "partner_CA.key": b"of now, and longer",
            "partner_CA.key.from-backup": b"of then",
            "partner_CA.pem": b"the same",
        }
