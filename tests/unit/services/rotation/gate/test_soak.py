"""Soaking by the sum of looks, and clocks that are set meanwhile: what a look says, given the one before."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from engage_server.records import Adoption, BootClock, GatePolicy, Occasion, Rotation, RotationState, RotationWay
from engage_server.services.rotation.gate.decision import Verdict, decide
from engage_server.services.rotation.gate.soak import NIGHT, begun, looked
from engage_server.services.rotation.lifecycle import Rotations
from tests.support.chains import NOW
from tests.support.stored import audit_events
from tests.support.world import World, told_by

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERY = timedelta(seconds=30)
BEGUN = Rotation(
    1,
    *("main", RotationWay.CUT_OVER, RotationState.RUNNING, 1, (2,), 1, NOW, "", GatePolicy(), (), NOW, "me"),
)


class Machine:
    """One that looks, with a wall clock that can be set and a clock that cannot."""

    def __init__(self, boot: str = "boot a", *, runs: float = 5000.0) -> None:
        self._boot, self._runs = boot, runs
        self.ahead = timedelta()

    def at(self, passed: timedelta) -> Occasion:
        """A look so long after the beginning, by a clock that is always right."""
        clock = BootClock(self._boot, self._runs + passed.total_seconds())
        return Occasion("the servers themselves", NOW + passed + self.ahead, clock)

    def look(self, rotation: Rotation, begin: timedelta, end: timedelta) -> Rotation:
        """Look every half minute."""
        while begin <= end:
            rotation = looked(rotation, self.at(begin))
            begin += EVERY
        return rotation


def hours(rotation: Rotation) -> float:
    return rotation.soaked_seconds / 3600


def serve(machine: Machine) -> Rotation:
    return begun(BEGUN, machine.at(timedelta()))


def test_a_right_clock_soaks_as_long_as_it_takes() -> None:
    machine = Machine()
    served = machine.look(serve(machine), EVERY, 5 * HOUR)
    assert hours(served) == pytest.approx(5, abs=0.01)
    assert served.unsure_until is None
    assert hours(begun(served, machine.at(5 * HOUR))) == 0, "the next release begins anew"


def test_a_day_ahead_for_eight_seconds_passes_no_soak() -> None:
    machine, all_came = Machine(), Adoption(2, NOW, devices=30, confirmed=30)
    served = machine.look(serve(machine), EVERY, HOUR)
    machine.ahead = 25 * HOUR
    wrong = machine.at(HOUR + timedelta(seconds=8))
    served = looked(served, wrong)
    assert hours(served) == pytest.approx(1, abs=0.01)
    assert decide(served, all_came, wrong.now).verdict is Verdict.WAIT
    assert "the clock was set: it moved by 25.0 h while 8 s passed" in served.unsure_why
    machine.ahead = timedelta()
    right = machine.at(HOUR + timedelta(seconds=16))
    served = looked(served, right)
    assert served.unsure_until == right.now + NIGHT, "not a night after a time that is still to come"
    served = machine.look(served, HOUR + EVERY, 24 * HOUR)
    assert decide(served, all_came, NOW + 24 * HOUR).verdict is Verdict.WAIT
    served = machine.look(served, 24 * HOUR, 26 * HOUR)
    assert decide(served, all_came, NOW + 26 * HOUR).verdict is Verdict.GO_ON
    assert served.unsure_until is None


def test_four_days_ahead_turn_nothing_back() -> None:
    machine, five = Machine(), Adoption(2, NOW, devices=30, confirmed=5, silent=25)
    served = machine.look(serve(machine), EVERY, HOUR)
    machine.ahead = 4 * DAY
    wrong = machine.at(HOUR + timedelta(seconds=8))
    served = looked(served, wrong)
    assert decide(served, five, wrong.now).verdict is Verdict.WAIT
    assert decide(replace(served, unsure_until=None), five, wrong.now).verdict is Verdict.ROLL_BACK, "without the doubt"


def test_back_by_a_day_is_told_too() -> None:
    machine = Machine()
    served = machine.look(serve(machine), EVERY, HOUR)
    machine.ahead = -DAY
    served = looked(served, machine.at(HOUR + EVERY))
    assert "it moved by -24.0 h" in served.unsure_why
    assert hours(served) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("ahead", [-9, -1, 1, 9])
def test_a_few_minutes_are_no_matter(ahead: int) -> None:
    machine = Machine()
    served = machine.look(serve(machine), EVERY, HOUR)
    machine.ahead = timedelta(minutes=ahead)
    served = machine.look(served, HOUR + EVERY, 2 * HOUR)
    assert served.unsure_until is None
    assert hours(served) == pytest.approx(2, abs=0.2)
    assert hours(served) <= 2


class TestSeveralMachines:
    """One measures; another takes over when it is gone."""

    def test_their_looks_are_not_added_up(self) -> None:
        first, second = Machine(), Machine("boot b", runs=9.0)
        second.ahead = timedelta(minutes=9)
        served = serve(first)
        for number in range(1, 241):
            served = looked(served, first.at(number * EVERY))
            served = looked(served, second.at(number * EVERY + EVERY / 2))
        assert hours(served) == pytest.approx(2, abs=0.01)
        assert (served.looked_boot, served.unsure_until) == ("boot a", None)

    def test_one_takes_over(self) -> None:
        first, second = Machine(), Machine("boot b", runs=9.0)
        served = first.look(serve(first), EVERY, HOUR)
        served = second.look(served, HOUR, 3 * HOUR)
        assert hours(served) == pytest.approx(3, abs=0.01)
        assert (served.looked_boot, served.unsure_until) == ("boot b", None)

    def test_what_nobody_saw_does_not_count_and_is_told(self) -> None:
        first = Machine()
        served = first.look(serve(first), EVERY, HOUR)
        after_a_power_cut = Machine("boot a2", runs=-6 * 3600.0)
        served = looked(served, after_a_power_cut.at(7 * HOUR))
        assert hours(served) == pytest.approx(1, abs=0.01)
        assert served.unsure_until == NOW + 7 * HOUR + NIGHT
        assert "by the clock the last look was 6.0 h ago, and not by this machine" in served.unsure_why
        assert "which has run for 60 min: a machine was off, or a clock is wrong" in served.unsure_why

    @pytest.mark.parametrize("ahead", [4 * DAY, -4 * DAY])
    def test_one_with_a_wrong_clock(self, ahead: timedelta) -> None:
        right, wrong = Machine(), Machine("boot b")
        wrong.ahead = ahead
        silent = Adoption(2, NOW, devices=30, silent=30)
        served = right.look(serve(right), EVERY, HOUR)
        for number in range(1, 50):
            look = wrong.at(HOUR + number * EVERY)
            served = looked(served, look)
            assert decide(served, silent, look.now).verdict is Verdict.WAIT
            look = right.at(HOUR + number * EVERY + EVERY / 2)
            served = looked(served, look)
            assert decide(served, silent, look.now).verdict is Verdict.WAIT
            assert served.unsure_until is not None
            assert served.unsure_until <= look.now + NIGHT
        assert hours(served) == pytest.approx(1, abs=0.01), "what nobody measured is not added up"

    def test_one_that_is_half_an_hour_wrong_adds_nothing_up(self) -> None:
        right, wrong = Machine(), Machine("boot b")
        wrong.ahead = HOUR / 2
        served = right.look(serve(right), EVERY, HOUR)
        for number in range(1, 50):
            served = looked(served, wrong.at(HOUR + number * EVERY))
            served = looked(served, right.at(HOUR + number * EVERY + EVERY / 2))
        assert hours(served) < 1.6
        assert served.unsure_until is not None

    def test_a_reboot_of_the_only_one_loses_minutes(self) -> None:
        before, after = Machine(), Machine("boot a2", runs=-3700.0)
        served = before.look(serve(before), EVERY, HOUR)
        served = after.look(served, HOUR + 2 * EVERY, 3 * HOUR)
        assert hours(served) == pytest.approx(3, abs=0.01)
        assert served.unsure_until is None

    def test_systems_without_an_id_for_their_boot(self) -> None:
        machine = Machine("")
        served = machine.look(serve(machine), EVERY, 2 * HOUR)
        assert hours(served) == pytest.approx(2, abs=0.01)
        machine.ahead = DAY
        assert looked(served, machine.at(2 * HOUR)).unsure_until is not None


def test_a_doubt_that_reaches_too_far_is_taken_back() -> None:
    machine = Machine()
    served = replace(serve(machine), unsure_until=NOW + 5 * DAY, unsure_why="written under a clock that was ahead")
    assert looked(served, machine.at(EVERY)).unsure_until == NOW + EVERY + NIGHT


def test_simulated_time_is_always_right() -> None:
    served = begun(BEGUN, Occasion("tester", NOW))
    served = looked(served, Occasion("tester", NOW + 9 * DAY))
    assert (hours(served), served.unsure_until) == (9 * 24, None)


def test_what_is_served_since_a_time_to_come_is_served_since_now() -> None:
    machine = Machine()
    machine.ahead = 4 * DAY
    served = replace(serve(machine), step_at=machine.at(timedelta()).now)
    machine.ahead = timedelta()
    served = looked(served, machine.at(EVERY))
    assert served.step_at == NOW + EVERY
    assert served.unsure_until is not None


class TestTheLooksAreKept:
    """By the store, for whoever looks next; and only by those who may move a rotation on."""

    @pytest.fixture
    def site(self, world: World) -> World:
        world.add_site()
        world.release()
        for night in range(-7, 0):
            world.see(*(world.finished(device, 1, NOW + night * DAY) for device in range(4)))
        return world

    def run(self, rotations: Rotations, occasions: Sequence[Occasion]) -> list[str]:
        return [told for occasion in occasions for told in told_by(rotations.go_on, "main", occasion)]

    def test_from_look_to_look(self, site: World) -> None:
        machine = Machine()
        site.rotations.start(site.request(RotationWay.CUT_OVER), machine.at(timedelta()))
        entries = len(audit_events(site.store))
        assert self.run(site.rotations, [machine.at(number * HOUR) for number in range(1, 11)]) == []
        (kept,) = site.rotations.all("main")
        assert hours(kept) == 10
        assert len(audit_events(site.store)) == entries, "to look is no act"
        site.rotations.progress(kept, machine.at(20 * HOUR))
        assert site.rotations.all("main") == [kept], "who only asks adds nothing"
        site.see(*(site.finished(device, 2, NOW + 11 * HOUR) for device in range(4)))
        machine.ahead = 25 * HOUR
        (told,) = self.run(site.rotations, [machine.at(11 * HOUR), machine.at(11 * HOUR + EVERY)])
        assert told.startswith("nothing is judged until ")
        machine.ahead = timedelta()
        looks = [machine.at(11 * HOUR + number * HOUR) for number in range(1, 24)]
        assert self.run(site.rotations, looks) == [], "it was told already"
        assert "done" in self.run(site.rotations, [machine.at(37 * HOUR)])[0]

    def test_a_doubt_releases_no_hold(self, site: World) -> None:
        machine = Machine()
        site.rotations.start(site.request(RotationWay.CUT_OVER), machine.at(timedelta()))
        site.see(*(site.finished(device, 2, NOW + 2 * DAY) for device in range(2)))
        held = self.run(site.rotations, [machine.at(4 * DAY)])
        assert "paused" in held[-1]
        machine.ahead = DAY
        told = self.run(site.rotations, [machine.at(4 * DAY + EVERY)])
        assert len(told) == 1
        assert "nothing is judged" in told[0]
        assert site.rotations.all("main")[-1].state is RotationState.HELD
