"""The copy of what devices are answered: what it holds, when it is written, and a start from it."""

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from engage_server.composition.creation import create_installation
from engage_server.composition.device_side import DeviceSide
from engage_server.composition.opening import ReleaseSealer
from engage_server.composition.starting import served_copy
from engage_server.composition.starting.release_key import derived_release_key, needs_key_no_more
from engage_server.composition.starting.served_copy import CopyWriter, away_at_start
from engage_server.errors import EngageError, FileNotUsable, SealBroken, StoreNotUsable, StoreVersionMismatch
from engage_server.records import Secret
from engage_server.services.distribution.snapshot import Snapshot
from engage_server.settings import Settings, load_settings
from engage_server.store import schema
from engage_server.store.copying.file_digest import write_digest
from engage_server.store.copying.served import ServedMark, mark_of, open_copy, write_copy
from engage_server.store.database.engine import open_engine
from engage_server.store.sealing import new_key_encryption_key
from tests.support.chains import HOSTS, SITE_KEY
from tests.support.commands import engage, ok
from tests.support.disk import small_disk
from tests.support.installation import make_installation
from tests.support.postgresql import PostgresServer

SERIAL = "0000000000000000A0B1000000000206"
_SET_VERSION, _SET_PROBE = "UPDATE alembic_version SET version_num = ", "UPDATE installation SET seal_probe = "


class Host:
    """A host with an installation on PostgreSQL that serves its first release."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        self.server, self.url, self.folder = server, server.new_database(), folder
        folder.mkdir()
        make_installation(folder, ENGAGE_DATABASE_URL=self.url)
        self.settings = self.read_settings()
        self.copy = self.settings.served_copy
        self.database = open_engine(self.url)

    def read_settings(self, **more: str) -> Settings:
        return load_settings(None, {"ENGAGE_DATABASE_URL": self.url, **more}, {}, self.folder)

    def engage(self, *arguments: object) -> str:
        return ok(engage(self.folder, *arguments, ENGAGE_DATABASE_URL=self.url))

    def ask(self, sql: str) -> str:
        """What a query in the database gives."""
        return self.server.ask(sql, self.server.name_of(self.url))

    def keep(self) -> None:
        """Keep the copy, as the first look of a process does."""
        CopyWriter(self.database, self.settings).keep()

    def next_release(self) -> None:
        self.engage("chain", "build", "certs/next", *(text for host in HOSTS for text in ("--host", host.text)))
        self.engage("release", "stage", "certs/next")
        self.engage("release", "activate", "2")

    @contextmanager
    def away(self) -> Iterator[None]:
        """The database does not answer."""
        self.database.dispose()
        with self.server.away(self.url):
            yield

    def started(self) -> DeviceSide:
        """What an instance with TLS has when it starts."""
        return DeviceSide(self.settings, ReleaseSealer(derived_release_key(self.settings, {})))


@pytest.fixture
def host(tmp_path: Path, postgresql: PostgresServer) -> Iterator[Host]:
    """A host with a copy."""
    found = Host(tmp_path / "host", postgresql)
    found.keep()
    yield found
    found.database.dispose()
    postgresql.done_with(found.url)


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as copy:
        return copy.execute(sql).fetchall()


def answers(snapshot: Snapshot) -> object:
    """All that devices are answered."""
    current = snapshot.current["main"]
    key = current.private_key
    return (
        current.notice.content,
        {host: each.content for host, each in current.notices.items()},
        current.chain,
        current.root,
        key.reveal() if key else None,
        {digest: each.answer.content for digest, each in snapshot.ders.items()},
        snapshot.call_ins,
        snapshot.networks,
        snapshot.by_host,
        SERIAL in snapshot.members["main"],
        snapshot.for_trials,
    )


def test_a_start_from_the_copy_answers_the_same(host: Host) -> None:
    host.engage("device", "add", SERIAL)
    host.engage("site", "change", "main", "--device-network", "192.0.2.0/24")
    host.next_release()
    host.keep()
    with_database = host.started()
    expected = answers(with_database.take_snapshot())
    with_database.release_connections()
    assert with_database.copy is None, "the control"
    with host.away():
        side = host.started()
        assert side.copy is not None
        assert abs(side.copy.right_at - datetime.now(UTC)) < timedelta(minutes=5)
        from_copy = side.take_snapshot()
        assert answers(from_copy) == expected
        assert from_copy.generation < 0, "so the first look at the database replaces it, whatever it is"
        with pytest.raises(StoreNotUsable):
            side.look()
        with pytest.raises(StoreNotUsable):  # only the first time: later it must not hide a change
            side.take_snapshot()
    assert answers(side.take_snapshot()) == expected
    assert side.look().generation == side.take_snapshot().generation
    side.release_connections()


def test_without_a_copy_nothing_starts(host: Host) -> None:
    host.copy.unlink()
    with host.away(), pytest.raises(StoreNotUsable, match="not currently accepting connections"):
        host.started()


def test_an_empty_database_is_a_lost_one_and_no_copy_hides_that(host: Host) -> None:
    url = host.server.new_database()
    with pytest.raises(StoreNotUsable, match="the database is lost"):
        DeviceSide(host.read_settings(ENGAGE_DATABASE_URL=url), None)
    host.server.done_with(url)
    with host.away():
        assert DeviceSide(host.settings, None).copy is not None, "the control"


def test_a_process_that_serves_keeps_what_it_has(host: Host) -> None:
    """It reads its settings again: what it serves may be newer than the copy."""
    side = host.started()
    side.release_connections()
    with host.away(), pytest.raises(StoreNotUsable):
        DeviceSide(host.settings, None, side.installation)


def test_no_secret_but_the_sealed_keys_that_are_served(host: Host) -> None:
    host.next_release()
    host.keep()
    assert stat.S_IMODE(host.copy.stat().st_mode) == 0o600
    sealed = bytes.fromhex(host.ask("SELECT encode(site_key_sealed, 'hex') FROM sites"))
    content = host.copy.read_bytes()
    assert sealed not in content
    assert SITE_KEY.reveal() not in content
    keys: dict[int, int] = dict(rows(host.copy, "SELECT number, length(private_key_sealed) FROM releases"))
    assert keys[1] == 0
    assert keys[2] > 1000, "the control"
    assert rows(host.copy, "SELECT audit_entries, audit_end FROM installation") == [(0, "")]
    assert not rows(host.copy, "SELECT name FROM sqlite_master WHERE name IN ('audit_events', 'people', 'tokens')")


def test_it_is_written_again_when_something_has_changed(host: Host) -> None:
    before, long_ago = host.copy.stat(), 1_000_000_000
    os.utime(host.copy, (long_ago, long_ago))
    writer = CopyWriter(host.database, host.settings)  # as after a restart
    writer.keep()
    same = host.copy.stat()
    assert (same.st_ino, same.st_mtime > long_ago) == (before.st_ino, True), "the same file, and right now"
    host.engage("device", "add", SERIAL)
    writer.keep()
    assert rows(host.copy, "SELECT serial FROM devices") == [(SERIAL,)]
    assert not list(host.copy.parent.glob("served.db.*")), "nothing is left beside it"


def test_two_that_write_at_once_do_not_write_into_one_file(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is replaced still writes when the next one looks."""
    host.engage("device", "add", SERIAL)
    later, early = CopyWriter(host.database, host.settings), CopyWriter(host.database, host.settings)

    def written(database: Engine, path: Path) -> ServedMark:
        monkeypatch.undo()
        unfinished = path.with_name("served.db.new.unfinished")
        unfinished.write_bytes(b"half of it")
        later.keep()
        assert unfinished.read_bytes() == b"half of it"
        unfinished.unlink()
        return write_copy(database, path)

    monkeypatch.setattr(served_copy, "write_copy", written)
    early.keep()
    assert rows(host.copy, "SELECT serial FROM devices") == [(SERIAL,)]
    host.engage("device", "remove", SERIAL, "--yes")
    later.keep()
    assert rows(host.copy, "SELECT serial FROM devices") == [], "it does so later"


def test_on_a_full_disk_the_copy_stays_as_it_was(host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    with small_disk(folder, "8m"):
        settings = host.read_settings(ENGAGE_DATA_DIR=str(folder))
        CopyWriter(host.database, settings).keep()
        before = settings.served_copy.read_bytes()
        with (folder / "filling").open("wb") as filling, pytest.raises(OSError, match="No space"):
            while True:
                filling.write(bytes(65536))
                filling.flush()
        host.engage("device", "add", SERIAL)
        with pytest.raises(EngageError) as full:
            CopyWriter(host.database, settings).keep()
        assert "served.db" in full.value.sentence
        assert "pace" in full.value.next_step
        assert settings.served_copy.read_bytes() == before
        assert {each.name for each in folder.iterdir()} == {"served.db", "filling"}
        (folder / "filling").unlink()
        CopyWriter(host.database, settings).keep()
        assert rows(settings.served_copy, "SELECT serial FROM devices") == [(SERIAL,)]


def test_a_key_that_is_accepted_no_more_does_not_open_it(host: Host) -> None:
    (host.folder / "new.kek").write_bytes(new_key_encryption_key())
    old = rows(host.copy, "SELECT wrapped FROM key_wraps")
    generation = mark_of(host.database).generation
    host.ask("UPDATE key_wraps SET wrapped = 'another'")
    assert mark_of(host.database).generation == generation, "a change of the key changes nothing that is served"
    host.keep()
    assert rows(host.copy, "SELECT wrapped FROM key_wraps") != old
    with (
        host.away(),
        pytest.raises(SealBroken, match=r"accepting connections.*This host's copy, which was right at") as no,
    ):
        host.started()
    assert no.value.next_step.startswith("Make the database answer.")


@contextmanager
def names_hang(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[threading.Event]:
    """To find the address of the database takes longer than anybody waits."""
    go_on = threading.Event()

    def opened(given: Settings) -> Engine:
        go_on.wait(60)
        return open_engine(given.database_url.reveal())

    with monkeypatch.context() as patched:
        patched.setattr(served_copy, "open_database", opened)
        patched.setattr(served_copy, "_AWAY_SECONDS", 0.2)
        yield go_on
    go_on.set()


def test_a_pair_waits_for_the_database_once_and_not_for_long(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert away_at_start(host.settings) is None, "the control"
    with names_hang(monkeypatch, host.settings):
        away = away_at_start(host.settings)
        assert away is not None
        assert "did not answer within 0.2 s" in away.sentence
        key = derived_release_key(host.settings, {}, away=away)
        side = DeviceSide(host.settings, ReleaseSealer(key), away=away)
        assert side.copy is not None
        assert side.copy.why is away
    assert side.look().generation, "it is asked again later"
    side.release_connections()
    host.copy.unlink()
    assert away_at_start(host.settings) is None, "without a copy, nothing but the database says what is wrong"


def test_a_database_that_refuses_at_once_is_not_waited_for(host: Host) -> None:
    with host.away():
        away = away_at_start(host.settings)
    assert away is not None
    assert "accepting connections" in away.sentence


def test_the_installation_key_opens_with_this_hosts_key_alone(host: Host) -> None:
    (host.folder / "engage.kek").write_bytes(new_key_encryption_key())
    with host.away():
        with pytest.raises(SealBroken):
            derived_release_key(host.settings, {})
        with pytest.raises(SealBroken):
            DeviceSide(host.settings, ReleaseSealer(Secret(os.urandom(32))))


@pytest.mark.parametrize("part", range(8))
def test_one_wrong_bit_is_found_before_the_copy_is_needed(host: Host, part: int) -> None:
    """Anywhere: in the header, in what SQLite would read as it is, in what it never reads, in the digest itself."""
    whole = host.copy.read_bytes()
    assert mark_of(open_copy(host.copy)) == mark_of(host.database), "the control"
    places = [18, 62, 70, whole.index(b"\x30\x82") + 200, *(len(whole) * n // 5 - 1 for n in (2, 3, 4, 5))]
    damaged = bytearray(whole)
    damaged[places[part]] ^= 1
    host.copy.write_bytes(damaged)
    with host.away(), pytest.raises(StoreNotUsable, match=r"served\.db: it is damaged"):
        host.started()
    host.keep()
    assert mark_of(open_copy(host.copy)) == mark_of(host.database), "it is written anew"


def test_what_is_kept_for_long_is_looked_at_again(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = CopyWriter(host.database, host.settings)
    writer.keep()
    host.copy.write_bytes(damaged := host.copy.read_bytes()[:-1] + b"?")
    writer.keep()
    assert host.copy.read_bytes() == damaged, "not each time: it may be large"
    monkeypatch.setattr(served_copy, "_VERIFIED_SECONDS", 0.0)
    writer.keep()
    assert host.copy.read_bytes() != damaged


@pytest.mark.parametrize("size", [0, 100, 20_000])
def test_a_damaged_copy_is_said_to_be_one(host: Host, size: int) -> None:
    whole = host.copy.read_bytes()
    assert len(whole) > size
    host.copy.write_bytes(whole[:size])
    with host.away(), pytest.raises(EngageError, match=r"accepting connections.*served\.db"):
        host.started().take_snapshot()
    host.keep()
    with host.away():
        assert host.started().take_snapshot().current["main"].number == 1


def test_a_copy_of_another_version_is_not_read_and_is_replaced(host: Host) -> None:
    with closing(sqlite3.connect(host.copy)) as copy:
        copy.execute("UPDATE alembic_version SET version_num = '0001'")
        copy.commit()
    write_digest(host.copy)
    with host.away(), pytest.raises(StoreNotUsable, match="does not have the tables of this version"):
        host.started()
    host.keep()
    assert rows(host.copy, "SELECT version_num FROM alembic_version") == [(schema.REVISIONS[-1],)]


def test_a_database_of_another_version_that_comes_back_is_refused(host: Host) -> None:
    with host.away():
        side = host.started()
        side.take_snapshot()
    host.ask(_SET_VERSION + "'0030'")
    for _ in range(2):
        with pytest.raises(StoreVersionMismatch):
            side.look()
    host.ask(_SET_VERSION + f"'{schema.REVISIONS[-1]}'")
    assert side.look().generation
    side.release_connections()


def test_another_installation_that_comes_back_is_refused(host: Host) -> None:
    with host.away():
        side = host.started()
        side.take_snapshot()
    probe = host.ask("SELECT encode(seal_probe, 'hex') FROM installation")
    host.ask(_SET_PROBE + "'theirs'")
    with pytest.raises(StoreNotUsable, match="another installation's"):
        side.look()
    host.ask(_SET_PROBE + f"decode('{probe}', 'hex')")
    assert side.look().generation
    side.release_connections()


def test_the_setting_removes_it(host: Host) -> None:
    settings = host.read_settings(ENGAGE_START_WITHOUT_DATABASE="false")
    CopyWriter(host.database, settings).keep()
    assert not host.copy.exists()
    host.keep()
    with host.away(), pytest.raises(StoreNotUsable) as refused:
        DeviceSide(settings, None)
    assert "start_without_database is false" in refused.value.next_step
    assert not host.copy.exists(), "nobody has to wait for the database"
    host.keep()
    with host.away(), pytest.raises(StoreNotUsable):  # as when the settings are read again
        DeviceSide(settings, None, b"")
    assert not host.copy.exists()
    host.keep()
    with host.away():
        assert DeviceSide(host.settings, None).copy, "the control"


def test_an_embedded_database_has_none(tmp_path: Path) -> None:
    settings = load_settings(None, {}, {}, tmp_path)
    create_installation(settings, {}).close()
    settings.served_copy.write_text("of an earlier database")
    database = open_engine(settings.database_url.reveal())
    CopyWriter(database, settings).keep()
    database.dispose()
    assert not settings.served_copy.exists()


def test_a_new_installation_has_no_copy_of_an_earlier_one(host: Host, postgresql: PostgresServer) -> None:
    other = {"ENGAGE_DATABASE_URL": postgresql.new_database()}
    ok(engage(host.folder, "init", "--host", "locks.example.org", "--new", stdin=None, **other))
    assert not host.copy.exists()
    postgresql.done_with(other["ENGAGE_DATABASE_URL"])


def test_a_folder_that_is_gone_is_told(host: Host) -> None:
    host.engage("device", "add", SERIAL)
    data = host.settings.data_dir
    data.rename(data.with_name("elsewhere"))
    with pytest.raises(FileNotUsable, match="data: the folder is gone"):
        host.keep()
    assert not data.exists()
    data.with_name("elsewhere").rename(data)
    host.keep()


def test_a_key_holder_is_not_reported_to_a_database_that_is_away(host: Host) -> None:
    with host.away():
        key = derived_release_key(host.settings, {}, "alone: ")
        needs_key_no_more(host.settings, "alone: ")
    assert key == derived_release_key(host.settings, {})
