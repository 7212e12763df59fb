"""Another IMEI means another device: whenever it is seen, and by the whole number of the device."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engage_server.links.sim.polling.judging import Seen, judged
from engage_server.links.sim.polling.memory import LinkMemory
from engage_server.links.sim.things import Reachability, Reached
from tests.support.polling import NOON, one_link
from tests.support.sim.memory import iccid, sims

LINK = one_link(1).link
BEFORE = "490154203237518"


def seen(imei: str) -> Seen:
    thing = replace(sims(1)[0], imei=imei)
    return Seen(thing.thing, thing, Reached(Reachability.DATA))


def moved(*rounds: tuple[float, Seen]) -> list[str]:
    """The kinds of what the last of these rounds says. Each has its hours after the one before."""
    memory, now, kinds = LinkMemory(), NOON, list[str]()
    for hours, each in rounds:
        now += timedelta(hours=hours)
        found = judged(LINK, memory, [each], now, timedelta(hours=12))
        memory, kinds = found.memory, [event.kind for event in found.events]
    return kinds


@pytest.mark.parametrize(
    "imei",
    [
        "490154203237526",  # another device of the same type: the first eight digits, the TAC, are the same
        "490154213237518",
        "590154203237518",
        "352099001761481",
    ],
)
def test_any_of_the_fourteen_digits_makes_another_device(imei: str) -> None:
    assert "sim_moved" in moved((0, seen(BEFORE)), (1, seen(imei)))


@pytest.mark.parametrize("imei", ["490154203237510", "49015420323751", "4901542032375104"])
def test_a_check_digit_or_a_version_of_software_does_not(imei: str) -> None:
    assert "sim_moved" not in moved((0, seen(BEFORE)), (1, seen(imei)))


@pytest.mark.parametrize("hours", [1, 24 * 3, 24 * 40])
def test_a_gap_in_the_poll_hides_nothing(hours: float) -> None:
    assert "sim_moved" in moved((0, seen(BEFORE)), (hours, seen("352099001761481")))


def test_neither_do_rounds_in_which_the_operator_does_not_say_it() -> None:
    gone = Seen(iccid(1), None)
    assert "sim_moved" in moved((0, seen(BEFORE)), (1, seen("")), (1, gone), (1, seen("352099001761481")))
