"""The way to a partner's system: one call within its time, and uploads that are taken once each, in their order."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from engage_server.errors import NotPossible, UpstreamAway, UsageError
from engage_server.records import Upstream
from engage_server.services.call_in.delivering.delivery import UpstreamDelivery
from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool, device_name
from engage_server.services.call_in.upstream_host import UpstreamHost, UpstreamRequest
from engage_server.services.device_files.fault_journal import FaultJournal
from engage_server.services.sites.upstream_address import assert_usable
from tests.support.chains import NOW
from tests.support.delivering import Delivering, upload
from tests.support.disk import room_in
from tests.support.partner import Partner
from tests.support.world import serial_of

GET = UpstreamRequest("GET", "/swordfish/lock/db/0")


@pytest.fixture
def partner() -> Iterator[Partner]:
    system = Partner().start()
    yield system
    system.stop()


class TestOneCall:
    def test_status_and_body_come_back(self, partner: Partner) -> None:
        host = UpstreamHost(Upstream(partner.url + "/prefix"), 2)
        answer = host.call(UpstreamRequest("POST", "/api/credentials?a=%20b", b"{}", {"Authorization": "Device x"}))
        assert answer.status == 200
        assert answer.body == b'{"ok": true}'
        assert partner.got[0].path == "/prefix/api/credentials?a=%20b"
        assert partner.got[0].headers["Authorization"] == "Device x"
        assert partner.got[0].body == b"{}"

    def test_chunks_are_put_together(self, partner: Partner) -> None:
        partner.mode = "chunked"
        assert b"nxtDbVerTS" in UpstreamHost(Upstream(partner.url), 2).call(GET).body

    def test_a_redirect_is_an_answer(self, partner: Partner) -> None:
        partner.mode = "redirect"
        assert UpstreamHost(Upstream(partner.url), 2).call(GET).status == 302
        assert len(partner.got) == 1

    @pytest.mark.parametrize("mode", ["slow", "trickle"])
    def test_its_time_is_the_whole_time(self, partner: Partner, mode: str) -> None:
        """A byte now and then is no answer."""
        partner.mode, partner.pause = mode, 20
        begun = time.monotonic()
        with pytest.raises(UpstreamAway, match=r"more than 0\.5 s|in time"):
            UpstreamHost(Upstream(partner.url, 0.5), 2).call(GET)
        assert time.monotonic() - begun < 8

    def test_one_that_hangs_up_or_is_not_there(self, partner: Partner) -> None:
        host = UpstreamHost(Upstream(partner.url, 2), 2)
        partner.mode = "lost"
        with pytest.raises(UpstreamAway):
            host.call(GET)
        partner.mode = "absent"
        partner.stop()
        with pytest.raises(UpstreamAway, match=r"no connection \(Connection refused\)"):
            host.call(GET)
        with pytest.raises(UpstreamAway, match="its name is not known"):
            UpstreamHost(Upstream("http://nobody.invalid", 2), 2).call(GET)
        partner.mode = "well"
        partner.start()
        assert host.call(GET).status == 200

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "access",
            "ftp://x",
            "https://",
            "https://u:secret@x",
            "https://x?a",
            "https://x#a",
            "https://x:99999",
            "https://x y",
        ],
    )
    def test_an_address_that_can_not_be_used(self, url: str) -> None:
        with pytest.raises(UsageError) as caught:
            assert_usable(Upstream(url))
        assert "secret" not in str(caught.value)

    def test_certificates_that_are_none(self) -> None:
        with pytest.raises(UsageError, match="cannot be read"):
            assert_usable(Upstream("https://x", trust_pem="no PEM"))


@pytest.fixture
def delivering(tmp_path: Path, partner: Partner) -> Delivering:
    return Delivering(tmp_path / "upstream", partner)


class TestUploads:
    def test_each_is_taken_once_in_its_order(self, delivering: Delivering) -> None:
        delivering.append(*range(5))
        delivering.append(*range(3), device=2)
        done = delivering.delivery.run(lambda: NOW)
        assert (done.taken, done.waiting, done.trouble) == (8, 0, "")
        assert delivering.taken() == [0, 1, 2, 3, 4]
        assert delivering.taken(2) == [0, 1, 2]
        assert delivering.delivery.run(lambda: NOW).taken == 0

    @pytest.mark.parametrize("mode", ["error", "html", "redirect", "absent", "401", "429", "503"])
    def test_nothing_is_lost_while_it_is_wrong(self, delivering: Delivering, mode: str) -> None:
        delivering.partner.mode = mode
        delivering.append(0, 1)
        done = delivering.delivery.run(lambda: NOW)
        assert (done.taken, done.waiting, done.rejected) == (0, 2, [])
        assert done.trouble
        if mode.isdigit():
            assert done.trouble.endswith(f"it answers {mode} to uploads of {serial_of(1)}, not 201, 202 or 204")
        delivering.partner.mode = "well"
        assert delivering.delivery.run(lambda: NOW).taken == 0, "it is left alone for a while"
        assert delivering.delivery.run(lambda: NOW + timedelta(minutes=6)).taken == 2
        assert delivering.taken() == [0, 1]

    def test_a_later_one_never_overtakes(self, delivering: Delivering) -> None:
        """One device waits for its first; another device does not wait for it."""
        delivering.append(0, 1)
        pending = delivering.spool.pending("main")[serial_of(1)][0]
        pending.path.write_text("spoiled")
        delivering.append(7, device=2)
        done = delivering.delivery.run(lambda: NOW)
        assert (done.taken, done.waiting) == (1, 2)
        assert delivering.taken() == []
        assert "not an upload of a device" in done.trouble

    def test_what_it_will_never_take_is_rejected_and_kept(self, delivering: Delivering) -> None:
        delivering.append(0)
        delivering.partner.mode = "400"
        done = delivering.delivery.run(lambda: NOW)
        assert done.waiting == 0
        assert len(done.rejected) == 1
        assert delivering.spool.rejected("main") == 1
        assert b"audit" in next((delivering.spool._folder / "main" / "refused").glob("*.400.json")).read_bytes()

    def test_an_answer_that_was_lost_is_told_by_the_same_key(self, delivering: Delivering) -> None:
        delivering.append(0)
        delivering.partner.mode = "lost"
        delivering.delivery.run(lambda: NOW)
        delivering.partner.mode = "well"
        delivering.delivery.run(lambda: NOW + timedelta(minutes=2))
        assert delivering.taken() == [0, 0]
        one, two = (got.headers["Idempotency-Key"] for got in delivering.partner.got)
        assert one == two

    def test_first_and_repeated(self, delivering: Delivering) -> None:
        spool, name = delivering.spool, serial_of(1)
        first = spool.append("main", name, upload(0))
        assert (first.is_first, first.repeated) == (True, False)
        again = spool.append("main", name, upload(0))
        assert (again.is_first, again.repeated) == (False, True)
        assert spool.append("main", name, upload(0, "alert")).is_first
        delivering.delivery.run(lambda: NOW)
        assert not spool.append("main", name, upload(1)).is_first, "also after all were taken"

    def test_a_killed_process_leaves_no_number_twice(self, delivering: Delivering) -> None:
        delivering.append(0)
        state = delivering.spool._folder / "main" / "devices" / serial_of(1) / "state.json"
        state.unlink()  # as if it had not come to be written
        delivering.append(1)
        delivering.delivery.run(lambda: NOW)
        assert delivering.taken() == [0, 1]

    def test_workers_at_once_lose_nothing(self, delivering: Delivering) -> None:
        firsts: list[bool] = []

        def append_first(number: int) -> None:
            firsts.append(delivering.spool.append("main", serial_of(3), upload(number, device=3)).is_first)

        for number in range(10):
            one = [Thread(target=append_first, args=(n,)) for n in range(10 * number, 10 * number + 4)]
            for thread in one:
                thread.start()
            for thread in one:
                thread.join()
        assert sorted(firsts) == [False] * 39 + [True], "201 is told once"
        threads = [Thread(target=delivering.append, args=range(10 * start, 10 * start + 10)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        delivering.delivery.run(lambda: NOW)
        assert sorted(delivering.taken()) == list(range(40))
        for start in range(4):
            assert [n for n in delivering.taken() if n // 10 == start] == list(range(10 * start, 10 * start + 10))

    def test_a_full_spool_refuses_and_the_device_keeps_it(self, tmp_path: Path) -> None:
        spool = UpstreamSpool(room_in(tmp_path / "data", tmp_path / "up", waiting=50_000))
        for number in range(3):
            spool.append("main", serial_of(number), upload(number))
        with pytest.raises(NotPossible, match="upstream_spool_max_mib"):
            for number in range(20):
                spool.append("main", serial_of(1), upload(number))

    def test_files_are_for_this_user_alone(self, delivering: Delivering) -> None:
        delivering.append(0)
        for path in delivering.spool._folder.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path

    def test_names(self) -> None:
        assert device_name(serial_of(1), "x") == serial_of(1)
        assert device_name(None, "2001:db8::1") == "at-2001-db8--1"
        assert device_name(None, "../../etc") == "at-..-..-etc"


class TestWhyUploadsWait:
    def test_the_reason_is_kept_for_operators_again_each_hour(self, partner: Partner, tmp_path: Path) -> None:
        spool = UpstreamSpool(room_in(tmp_path, tmp_path / "upstream"))
        spool.append("main", serial_of(1), upload(1))
        journal = FaultJournal(tmp_path / "faults")
        delivery = UpstreamDelivery("main", spool, Upstream(partner.url), journal)
        kept = []
        partner.mode = "404"
        for minutes in (0, 30, 90):
            at = NOW + timedelta(minutes=minutes)
            delivery.run(lambda at=at: at)  # type: ignore[misc]  # at is bound now
            kept.append([(each.device, each.at) for each in journal.recent("main", at)])
        later = NOW + timedelta(minutes=90)
        assert kept == [[("uploads wait", NOW)], [("uploads wait", NOW)], [("uploads wait", later)]]
        assert "it answers 404 to uploads of" in journal.recent("main", later)[0].sentence

    def test_nothing_is_kept_while_all_are_accepted(self, partner: Partner, tmp_path: Path) -> None:
        spool = UpstreamSpool(room_in(tmp_path, tmp_path / "upstream"))
        spool.append("main", serial_of(1), upload(1))
        journal = FaultJournal(tmp_path / "faults")
        UpstreamDelivery("main", spool, Upstream(partner.url), journal).run(lambda: NOW)
        assert journal.recent("main", NOW) == []
