"""Sightings on their way: every line once, whoever dies, whatever is full."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.errors import NotPossible, SealBroken, StoreNotUsable
from engage_server.records import Grade, Secret, Sighting, SightingKind
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.distribution.snapshot import ServedAnswer
from engage_server.services.evidence import transfer as transferring
from engage_server.services.evidence.fold import fold
from engage_server.services.evidence.sightings import Sightings, decoded, spooled
from engage_server.services.evidence.spool import SEGMENT_BYTES, SpoolWriter, claim, segments, spooled_bytes
from engage_server.services.evidence.token_check import TokenCheck
from engage_server.services.evidence.transfer import SightingTransfer
from engage_server.store.sql_store import SqlStore
from tests.support.chains import SITE_KEY
from tests.support.stored import stored_sightings
from tests.support.tokens import text_token
from tests.support.world import World, serial_of

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
SERVED = ServedAnswer(b"{}", "main", 7)
SERIAL = "0000000000000000A0B1000000000206"
PLENTY = 1 << 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


class SwitchedReserve(DiskReserve):
    """A disk that is full when the test says so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 1)
        self.is_short = False
        self.asked = 0

    def shortage(self, count: int = 0) -> str:
        self.asked += 1
        return "no room" if self.is_short else super().shortage(count)


def see(sightings: Sightings, count: int) -> None:
    for number in range(count):
        sightings.answered(SightingKind.NOTICE, SERVED, f"192.0.2.{number % 250}", SERIAL)
    sightings.flush()


def watcher(spool: SpoolWriter) -> Sightings:
    return Sightings("http", spool, lambda: NOW.timestamp())


def transfer(world: World, folder: Path) -> SightingTransfer:
    return SightingTransfer(folder, world.store, timedelta(days=1))


class TestLines:
    """What is written is read again."""

    def test_each_kind(self, folder: Path) -> None:
        sightings = watcher(SpoolWriter(folder, PLENTY))
        sightings.answered(SightingKind.CERTIFICATE, SERVED, "2001:db8::1", None)
        sightings.handshake_finished("192.0.2.1", "main", 7, "TLSv1.3", resumed=True)
        sightings.handshake_failed("192.0.2.1", None, None, "", "alert unknown_ca")
        sightings.flush()
        (segment,) = segments(folder)
        lines, _ = segment.lines(0, PLENTY)
        assert [decoded(line) for line in lines] == [
            Sighting(SightingKind.CERTIFICATE, NOW, "http", "2001:db8::1", None, "main", 7),
            Sighting(
                SightingKind.HANDSHAKE_FINISHED, NOW, "http", "192.0.2.1", None, "main", 7, "TLSv1.3", resumed=True
            ),
            Sighting(SightingKind.HANDSHAKE_FAILED, NOW, "http", "192.0.2.1", failure="alert unknown_ca"),
        ]

    @given(st.text(max_size=100), st.text(max_size=64))
    def test_any_text_survives_as_far_as_databases_take_it(self, address: str, site: str) -> None:
        kept: list[bytes] = []

        class Sink:
            def append(self, lines: list[bytes]) -> bool:
                kept.extend(lines)
                return True

        sightings = Sightings("http", Sink(), lambda: 0.0)  # type: ignore[arg-type]  # a list is a sequence
        sightings.answered(SightingKind.NOTICE, ServedAnswer(b"", site, 1), address, None)
        sightings.flush()
        assert kept[0].count(b"\n") == 1
        found = decoded(kept[0])
        assert found is not None
        found.address.encode()
        assert "\0" not in found.address
        assert len(found.address) <= 64
        assert found.address == address.replace("\0", "").encode("utf-8", "replace").decode()[:64]

    @pytest.mark.parametrize(
        "line",
        [
            *(
                b"",
                b"x",
                b"[]",
                b"{}",
                b"null",
                b"[" * 5000,
                b'["notice"]',
                b"\xff",
                b'["notice",1e999,"","",0,0,0,"","",0]',
            ),
            b'["dream",1,"http","a",null,null,null,"","",false]',
            b'["notice","1","http","a",null,null,null,"","",false]',
            b'["notice",1,"http",5,null,null,null,"","",false]',
            b'["notice",1,"http","a",null,null,"x","","",false]',
        ],
    )
    def test_what_is_no_sighting(self, line: bytes) -> None:
        assert decoded(line) is None

    def test_a_token_stands_behind_the_rest_and_older_lines_have_none(self, folder: Path) -> None:
        sightings = watcher(SpoolWriter(folder, PLENTY))
        sightings.handshake_finished("192.0.2.1", "main", 7, "TLSv1.3", resumed=False, serial=SERIAL, token="QUJD+/_-=")
        sightings.called_in("main", "192.0.2.1", SERIAL, "QUJD")
        sightings.called_in("main", "192.0.2.1", SERIAL)
        found = [spooled(line) for line in sightings.lines]
        assert [each.token for each in found if each] == ["QUJD+/_-=", "QUJD", ""]
        assert [len(json.loads(line)) for line in sightings.lines] == [11, 11, 10]
        assert all("QUJD" not in repr(each.sighting) for each in found if each)

    def test_what_is_seen_of_other_addresses_than_the_devices_is_no_sighting(self, folder: Path) -> None:
        """The check stands where sightings are made, so no way to make one can forget it."""

        def make(sightings: Sightings, address: str) -> int:
            for kind in (SightingKind.NOTICE, SightingKind.CERTIFICATE):
                sightings.answered(kind, SERVED, address, SERIAL)
            sightings.handshake_finished(address, "main", 7, "TLSv1.3", resumed=False, serial=SERIAL)
            sightings.handshake_failed(address, "main", 7, "", "alert unknown_ca")
            sightings.called_in("main", address, SERIAL)
            sightings.audited("main", address, SERIAL, "1101")
            return len(sightings.lines)

        spool = SpoolWriter(folder, PLENTY)
        mine = ("main", "192.0.2.1")
        assert make(Sightings("https", spool, NOW.timestamp, lambda *place: place == mine), "192.0.2.1") == 6
        assert make(Sightings("https", spool, NOW.timestamp, lambda *place: place == mine), "192.0.2.2") == 0
        proxied = Sightings("https", spool, NOW.timestamp, is_proxys=lambda address: address == "192.0.2.2")
        assert make(proxied, "192.0.2.2") == 4, "a proxy's handshakes are its own; what it brings is the devices'"


class TestSpool:
    """Files of one process each."""

    def test_a_file_is_finished_when_its_process_has_let_go(self, folder: Path) -> None:
        spool = SpoolWriter(folder, PLENTY)
        see(watcher(spool), 3)
        (segment,) = segments(folder)
        assert not segment.is_finished()
        spool.close()
        assert segment.is_finished()
        assert (segment.path.stat().st_mode & 0o777) == 0o600

    def test_a_killed_process_lets_go_and_loses_nothing(self, folder: Path) -> None:
        program = (
            "import os, signal, sys; from pathlib import Path\n"
            "from engage_server.services.evidence.spool import SpoolWriter\n"
            "spool = SpoolWriter(Path(sys.argv[1]), 1 << 30)\n"
            "for n in range(100): spool.append([b'%d\\n' % n])\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        assert subprocess.run([sys.executable, "-c", program, folder], check=False).returncode == -9
        (segment,) = segments(folder)
        assert segment.is_finished()
        assert segment.lines(0, PLENTY)[0] == [b"%d" % n for n in range(100)]

    def test_long_files_are_followed_by_others(self, folder: Path) -> None:
        spool = SpoolWriter(folder, PLENTY)
        for _ in range(5):
            spool.append([b"x" * (SEGMENT_BYTES // 2) + b"\n"])
        assert len(list(segments(folder))) == 3

    def test_over_its_limit_lines_are_lost_and_counted(self, folder: Path) -> None:
        spool = SpoolWriter(folder, 1000)
        taken = [spool.append([b"x" * 99 + b"\n"]) for _ in range(15)]
        assert taken == [True] * 10 + [False] * 5
        assert spool.lost == 5
        assert "spool_max_mib" in spool.trouble
        assert spooled_bytes(folder) == 1000

    def test_a_full_disk_tears_no_line(self, folder: Path) -> None:
        """The limit on a file's size stands for the disk: both end a write half-way."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        spool = SpoolWriter(folder, PLENTY)
        resource.setrlimit(resource.RLIMIT_FSIZE, (250, hard))
        try:
            taken = [spool.append([b"x" * 99 + b"\n"]) for _ in range(4)]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert taken == [True, True, False, False]
        assert spool.lost == 2
        assert spool.append([b"again\n"])
        assert spool.trouble == ""
        (segment,) = segments(folder)
        assert segment.lines(0, PLENTY)[0] == [b"x" * 99, b"x" * 99, b"again"]

    def test_the_disk_is_asked_seldom_and_no_more_than_a_little_goes_below_the_reserve(self, folder: Path) -> None:
        disk = SwitchedReserve(folder)
        spool, line = SpoolWriter(folder, PLENTY, disk), b"x" * 99 + b"\n"
        assert all(spool.append([line]) for _ in range(800))
        assert 2 <= disk.asked <= 6
        disk.is_short = True
        more = [spool.append([line]) for _ in range(400)]
        assert more.index(False) <= 16 * 1024 // len(line), "until the disk is asked again"
        assert not any(more[more.index(False) :])
        disk.is_short = False
        assert spool.append([line]), "a refusal is never remembered"

    def test_a_folder_that_is_gone_costs_no_answer(self, folder: Path) -> None:
        spool = SpoolWriter(folder, PLENTY)
        folder.rmdir()
        assert not spool.append([b"x\n"])
        assert spool.lost == 1

    def test_one_reader(self, folder: Path) -> None:
        held = claim(folder)
        with pytest.raises(NotPossible, match="another process"):
            claim(folder)
        os.close(held)
        os.close(claim(folder))


class TestTransfer:
    """Each sighting once."""

    def test_all_that_is_there(self, world: World, folder: Path) -> None:
        spool = SpoolWriter(folder, PLENTY)
        sightings, moving = watcher(spool), transfer(world, folder)
        see(sightings, 10)
        assert moving.run(NOW).stored == 10
        assert moving.run(NOW).stored == 0
        see(sightings, 5)
        assert moving.run(NOW).stored == 5
        assert len(list(segments(folder))) == 1, "it is still written"
        spool.close()
        assert moving.run(NOW).stored == 0
        assert list(segments(folder)) == []
        assert len(stored_sightings(world.store)) == 15
        assert stored_sightings(world.store)[0] == Sighting(
            SightingKind.NOTICE, NOW, "http", "192.0.2.0", SERIAL, "main", 7
        )

    def test_half_a_line_waits_for_its_end(self, world: World, folder: Path) -> None:
        line = json.dumps(["notice", 1, "http", "a", None, None, None, "", "", False]).encode()
        path = folder / "half.sightings"
        path.write_bytes(line + b"\n" + line[:10])
        with path.open("rb") as held:
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX)
            assert transfer(world, folder).run(NOW).stored == 1
            path.write_bytes(line + b"\n" + line + b"\n")
            assert transfer(world, folder).run(NOW).stored == 1

    def test_lines_that_are_none_are_counted_and_passed_over(self, world: World, folder: Path) -> None:
        line = json.dumps(["notice", 1, "http", "a", None, None, None, "", "", False]).encode()
        content = line + b"\nrub\rbish\n\n\xff\n" + line + b"\n"
        (folder / "torn.sightings").write_bytes(content)
        done = transfer(world, folder).run(NOW)
        assert (done.stored, done.unreadable) == (2, 3)
        assert world.store.spool_offsets(["torn"]) == {"torn": len(content)}

    def test_a_store_that_goes_away_at_any_moment_loses_and_doubles_nothing(
        self, world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before the transaction, and after it with the answer lost on its way."""
        spool = SpoolWriter(folder, PLENTY)
        see(watcher(spool), 10)
        spool.close()
        record = SqlStore.record_parts
        for fails_after in (False, True):

            def failing(store: SqlStore, *arguments: object, after: bool = fails_after) -> Collection[str]:
                if after:
                    record(store, *arguments)  # type: ignore[arg-type]  # passed on
                raise StoreNotUsable("away")

            with monkeypatch.context() as patched:
                patched.setattr(SqlStore, "record_parts", failing)
                with pytest.raises(StoreNotUsable):
                    transfer(world, folder).run(NOW)
        transfer(world, folder).run(NOW)
        assert len(stored_sightings(world.store)) == 10
        assert list(segments(folder)) == []

    def test_each_batch_is_counted_when_it_is_stored(
        self, world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A run may have thousands of batches, and end in trouble."""
        monkeypatch.setattr(transferring, "BATCH_BYTES", 1024)
        spool = SpoolWriter(folder, PLENTY)
        see(watcher(spool), 100)
        spool.close()
        record, batches = SqlStore.record_parts, 3

        def failing(store: SqlStore, *arguments: object) -> Collection[str]:
            if len(counted) == batches:
                raise StoreNotUsable("away")
            return record(store, *arguments)  # type: ignore[arg-type]  # passed on

        counted: list[int] = []
        with monkeypatch.context() as patched:
            patched.setattr(SqlStore, "record_parts", failing)
            with pytest.raises(StoreNotUsable):
                transfer(world, folder).run(NOW, lambda batch: counted.append(batch.stored))
        assert sum(counted) == len(stored_sightings(world.store)) > 0
        assert len(counted) == batches
        transfer(world, folder).run(NOW, lambda batch: counted.append(batch.stored))
        assert sum(counted) == 100

    def test_two_readers_that_should_not_be_double_nothing(self, world: World, folder: Path) -> None:
        spool = SpoolWriter(folder, PLENTY)
        see(watcher(spool), 10)
        (segment,) = segments(folder)
        lines, end = segment.lines(0, PLENTY)
        found = [sighting for line in lines if (sighting := decoded(line))]
        assert world.store.record_sightings(segment.name, 0, end, found, fold, NOW)
        assert not world.store.record_sightings(segment.name, 0, end, found, fold, NOW)
        assert len(stored_sightings(world.store)) == 10

    def test_what_cannot_have_been_then_is_kept_and_counts_for_nothing(self, world: World, folder: Path) -> None:
        world.add_site()
        installed = world.store.site("main").created_at
        now = installed + timedelta(days=3)
        ahead, late = timedelta(minutes=11), timedelta(minutes=9)
        times = [now + ahead, now + late, now, installed - late, installed - ahead]
        for at in times:
            see(Sightings("http", SpoolWriter(folder, PLENTY), at.timestamp), 1)
        done = transfer(world, folder).run(now)
        assert (done.stored, done.disregarded) == (5, 2)
        found = {each.at: each.disregarded for each in stored_sightings(world.store)}
        assert [found[at] for at in times] == ["future", "", "", "", "before_installation"]
        (known,) = world.store.device_history(SERIAL)
        assert (known.first_seen, known.last_seen, known.notices) == (installed - late, now + late, 3)
        assert world.store.disregarded(SERIAL, "main") == {"future": 1, "before_installation": 1}
        (view,) = world.evidence.device(SERIAL, now)
        assert view.disregarded == {"future": 1, "before_installation": 1}

    def test_a_site_that_was_added_under_a_wrong_clock_makes_nobody_older_than_it(
        self, world: World, folder: Path
    ) -> None:
        world.add_site()
        now = world.store.site("main").created_at - timedelta(days=400)
        see(Sightings("http", SpoolWriter(folder, PLENTY), now.timestamp), 1)
        assert transfer(world, folder).run(now).disregarded == 0

    def test_tokens_are_checked_and_end_here(self, world: World, folder: Path) -> None:
        world.add_site()
        now = NOW + timedelta(days=30)
        right = text_token(now.strftime("%Y%m%d%H%M%S").encode() + b"\0\0", key=SITE_KEY)
        other = text_token(now.strftime("%Y%m%d%H%M%S").encode() + b"\0\0")
        asked: list[str] = []

        def site_key(name: str) -> Secret:
            asked.append(name)
            if name == "away":
                raise SealBroken("no key-encryption key", "Set it.")
            return world.store.site_key(name)

        sightings = Sightings("https", SpoolWriter(folder, PLENTY), now.timestamp)
        for site, serial, token in (
            ("main", SERIAL, right),
            ("main", None, right),
            ("main", SERIAL, other),
            ("main", SERIAL, ""),
            ("main", serial_of(9), right),
            ("away", SERIAL, right),
            ("away", SERIAL, right),
        ):
            sightings.handshake_finished("192.0.2.1", site, 7, "TLSv1.3", resumed=False, serial=serial, token=token)
        sightings.flush()
        moving = SightingTransfer(folder, world.store, timedelta(days=1), tokens=TokenCheck(site_key))
        assert moving.run(now).stored == 7
        found = [(each.serial, each.authenticated) for each in stored_sightings(world.store)]
        assert found[:4] == [(SERIAL, True), (SERIAL, True), (SERIAL, False), (SERIAL, False)]
        assert found[4:] == [(serial_of(9), False), (SERIAL, False), (SERIAL, False)]
        assert asked == ["main", "away"], "once each"
        assert moving.run(now).stored == 0
        (known, *_) = world.store.device_history(SERIAL, "main")
        assert (known.authenticated_release, known.releases[7].grade) == (7, Grade.AUTHENTICATED)

    def test_old_ones_are_forgotten(self, world: World, folder: Path) -> None:
        see(watcher(SpoolWriter(folder, PLENTY)), 3)
        moving = transfer(world, folder)
        moving.run(NOW)
        assert moving.forget_old(NOW + timedelta(hours=23)) == 0
        assert moving.forget_old(NOW + timedelta(hours=25)) == 3
        assert stored_sightings(world.store) == []
