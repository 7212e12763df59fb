"""One kind of upload stops nobody but its own devices; a system that is away is left alone."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engage_server.services.call_in.delivering.delivery_pauses import DeliveryPauses
from tests.support.chains import NOW
from tests.support.delivering import Delivering, upload
from tests.support.partner import Partner
from tests.support.world import serial_of


@pytest.fixture
def delivering(tmp_path: Path) -> Iterator[Delivering]:
    partner = Partner().start()
    yield Delivering(tmp_path / "upstream", partner)
    partner.stop()


def poison(delivering: Delivering, *devices: int, status: int = 500, retry_after: str | None = None) -> None:
    """The system errs on whatever these devices send."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    delivering.partner.poison |= {serial_of(device): (status, headers) for device in devices}


def run(delivering: Delivering, seconds: float = 0) -> Any:
    """One look, so much later."""
    delivering.now += timedelta(seconds=seconds)
    return delivering.delivery.run(lambda: delivering.now)


def delivered(delivering: Delivering) -> int:
    return sum(map(len, delivering.partner.taken.values()))


class TestPoison:
    @pytest.mark.parametrize("status", [500, 503, 429, 401, 302, 200])
    def test_the_oldest_are_poisonous_and_all_others_are_taken_in_two_looks(
        self, delivering: Delivering, status: int
    ) -> None:
        poison(delivering, *range(20), status=status)
        for device in range(60):
            delivering.append(0, 1, device=device)
        for _ in range(8 if status == 429 else 2):
            run(delivering, 2)
        assert delivered(delivering) == 2 * 40
        assert sum(map(len, delivering.spool.pending("main").values())) == 2 * 20
        before = len(delivering.partner.got)
        run(delivering, 1)
        assert len(delivering.partner.got) <= before + 20, "they are not asked for at every look"

    def test_later_ones_do_not_wait_behind_them(self, delivering: Delivering) -> None:
        poison(delivering, *range(20))
        for device in range(20):
            delivering.append(0, device=device)
        for day in range(3):
            delivering.append(day, device=100 + day)
            run(delivering, 400)
            assert delivering.taken(100 + day) == [day]

    def test_who_was_tried_longest_ago_is_tried_first(self) -> None:
        pauses = DeliveryPauses()
        for place, device in enumerate(("c", "a", "b")):
            pauses.tried(device, NOW + timedelta(seconds=place))
        assert pauses.due(["a", "b", "c", "new"], NOW + timedelta(minutes=1)) == ["new", "c", "a", "b"]


class TestSilence:
    def test_a_system_that_is_away_is_not_asked_for_each_device(self, delivering: Delivering) -> None:
        delivering.partner.stop()
        for device in range(200):
            delivering.append(0, device=device)
        assert "no connection" in run(delivering).trouble
        assert delivering.delivery._pauses.is_paused(delivering.now)
        delivering.partner.start()
        assert run(delivering).taken == 0, "it is left alone for a second"
        for _ in range(4):
            run(delivering, 17)
        assert delivered(delivering) == 200
        assert run(delivering, 17).trouble == ""

    def test_one_whose_uploads_alone_are_not_answered_pauses_nobody(self, delivering: Delivering) -> None:
        poison(delivering, 1, 2, status=0)  # it hangs up on them
        for device in range(30):
            delivering.append(0, device=device)
        for _ in range(2):
            run(delivering, 2)
        assert delivered(delivering) == 28

    def test_more_of_them_delay_the_others_and_do_not_stop_them(self, delivering: Delivering) -> None:
        poison(delivering, *range(12), status=0)
        for device in range(60):
            delivering.append(0, device=device)
        for _ in range(10):
            run(delivering, 17)
        assert delivered(delivering) == 48

    def test_three_different_devices_in_a_row_pause_the_site_and_no_fewer(self) -> None:
        pauses = DeliveryPauses()
        for device in ("a", "b", "a", "b", "a"):
            pauses.silent(device, NOW, "why")
        assert not pauses.is_paused(NOW)
        pauses.answered("x", NOW, "500", None, long=False)
        pauses.silent("c", NOW, "why")
        assert not pauses.is_paused(NOW), "somebody was there in between"
        pauses.silent("d", NOW, "why")
        pauses.silent("e", NOW, "why")
        assert pauses.is_paused(NOW)


class TestRetryAfter:
    @pytest.mark.parametrize("status", [429, 503])
    def test_is_respected(self, delivering: Delivering, status: int) -> None:
        poison(delivering, 1, status=status, retry_after="120")
        delivering.append(0, device=1)
        delivering.append(0, device=2)
        run(delivering)
        assert (delivering.taken(1), delivering.taken(2)) == ([], [0])
        delivering.partner.poison.clear()
        run(delivering, 110)
        assert delivering.taken(1) == []
        run(delivering, 11)
        assert delivering.taken(1) == [0]

    @pytest.mark.parametrize("value", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "x", "9" * 40, ""])
    def test_what_is_no_number_of_seconds_changes_nothing(self, delivering: Delivering, value: str) -> None:
        poison(delivering, 1, status=500, retry_after=value)
        delivering.append(0, device=1)
        run(delivering)
        delivering.partner.poison.clear()
        run(delivering, 301)
        assert delivering.taken(1) == [0]

    def test_busy_with_everybody_is_left_alone_for_as_long(self, delivering: Delivering) -> None:
        poison(delivering, *range(40), status=429, retry_after="60")
        for device in range(40):
            delivering.append(0, device=device)
        run(delivering)
        asked = len(delivering.partner.got)
        assert asked < 20
        run(delivering, 50)
        assert len(delivering.partner.got) == asked


class TestHopeless:
    def test_errors_on_three_days_while_others_are_taken(self, delivering: Delivering) -> None:
        """Then it is laid aside, and the device's next one has its turn. A restart in between forgets nothing."""
        delivering.append(0, device=1)
        delivering.append(1, device=1)
        poison(delivering, 1)
        for day in range(3):
            delivering.append(day, device=2)
            for _ in range(5):
                done = run(delivering, 600)
            assert len(list(refused(delivering))) == (1 if day == 2 else 0), "many times on one day are one day"
            delivering.restart()
            run(delivering, 86400 - 3000)
        (path,) = refused(delivering)
        assert path.name.endswith("~0000000001.500.json")
        assert done.waiting == 1
        assert json.loads(path.read_text())["kind"] == "audit"
        delivering.partner.poison.clear()
        run(delivering, 600)
        assert delivering.taken(1) == [1]

    def test_not_while_the_system_takes_nobodys(self, delivering: Delivering) -> None:
        """It is ill; its people will mend it. Two weeks later they will not."""
        poison(delivering, 1, 2)
        delivering.append(0, device=1)
        delivering.append(0, device=2)
        for day in range(14):
            assert not list(refused(delivering)), day
            run(delivering, 86400)
        assert len(list(refused(delivering))) == 2

    def test_silence_lays_nothing_aside(self, delivering: Delivering) -> None:
        delivering.partner.stop()
        delivering.append(0)
        for _ in range(20):
            run(delivering, 86400)
        assert not list(refused(delivering))

    def test_a_later_upload_begins_anew(self, delivering: Delivering) -> None:
        tries = delivering.spool.tries
        delivering.append(0, 1)
        first, second = delivering.spool.pending("main")[serial_of(1)]
        assert [tries(first).add(NOW.date() + timedelta(days=day)) for day in (0, 0, 1)] == [1, 1, 2]
        assert tries(second).days() == []
        assert tries(second).add(NOW.date()) == 1


def refused(delivering: Delivering) -> Iterator[Path]:
    return delivering.spool._folder.glob("main/refused/*.json")


def test_nothing_waits_of_a_device_that_is_forgotten() -> None:
    pauses = DeliveryPauses()
    pauses.answered("a", NOW, "why", None, long=False)
    assert pauses.trouble() == "why"
    pauses.forget_all_but(["b"])
    assert pauses.trouble() == ""
    assert upload(1).kind == "audit"
