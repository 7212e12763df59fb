"""A door that refused TLS again and again and fetched nothing: nobody says that it comes back by itself."""

from datetime import timedelta

import pytest

from engage_server.records import Sighting, SightingKind
from engage_server.services.doors.held import Takes, held_by_door
from engage_server.services.evidence.diagnosis import diagnose
from engage_server.services.releases.reception_words import sentence_of
from engage_server.services.risk.doors import doors_at_risk
from engage_server.services.risk.kinds import REFUSES_SERVED
from engage_server.services.risk.known import DoorAtRisk, Prospect
from engage_server.services.risk.walking import at_the_door
from tests.support.chains import NOW
from tests.support.risks import DAY, calm, well
from tests.support.world import World, address_of, judge_for, serial_of

BY_ITSELF = "by itself, and comes back"
CLOSED = "port 80 is probably closed to it"
REFUSED = {"refusals": 27, "failure": "alert unknown_ca", "refused_at": NOW, "finished_at": NOW - 28 * DAY}


def _at_risk(**other: object) -> DoorAtRisk:
    known = calm(served=2, prospects={(1, 1, False): Prospect(refuses_served=True)})
    (door,) = doors_at_risk(known, [well(1, **other)])
    return door


def test_it_is_told_since_when_and_what_is_probably_closed() -> None:
    refused, served = _at_risk(**REFUSED).risks
    since = f"{NOW - 28 * DAY:%Y-%m-%d %H:%M} UTC"
    assert f"it has refused TLS 27 times since it came through last, at {since}" in refused.why
    assert CLOSED in refused.why
    assert "comes back" not in served.why.replace("does not come back", "")
    assert refused.mend.startswith("Open port 80")
    assert "should ask" not in refused.mend


def test_what_was_said_for_a_worse_risk_is_not_said_again() -> None:
    assert [bool(mend) for _, mend in _at_risk(**REFUSED).told] == [True, False]
    assert [bool(mend) for _, mend in _at_risk(refusals=1, failure="alert unknown_ca").told] == [True, True]


@pytest.mark.parametrize(
    "other", [{}, {"refusals": 1}, {"refusals": 2, "certificates": 1}, {"refusals": 2, "notices": 1}]
)
def test_one_that_may_still_fetch_is_not_called_stuck(other: dict[str, object]) -> None:
    assert all("closed" not in risk.why for risk in _at_risk(failure="alert unknown_ca", **other).risks)


def test_one_that_never_came_through_refuses_since_it_was_first_seen() -> None:
    found = diagnose(well(1, refusals=3, failure="alert unknown_ca", finished_at=None), NOW)
    assert found is not None
    assert f"since {NOW - 10 * DAY:%Y-%m-%d %H:%M} UTC" in found.cause
    assert (found.code, found.key) == ("refuses", "stuck")


def test_who_would_refuse_is_told_with_how_many_come_back(world: World) -> None:
    """Before an act, in the status, and for the door alone."""
    world.add_site()
    world.release()
    world.see(*(world.finished(door, 1, NOW) for door in (1, 2, 3)))
    number = world.release()

    def told() -> str:
        return sentence_of(world.held_anchors.reception("main", number, NOW), "refuse")

    def refuse(door: int) -> None:
        for night in (1, 2):
            at = NOW + timedelta(days=night)
            failed = SightingKind.HANDSHAKE_FAILED
            address = address_of(door)
            world.see(Sighting(failed, at, "https", address, None, "main", number, failure="alert unknown_ca"))

    assert f"3 of 3 doors refuse release 2. Each fails TLS once, fetches the anchor of release 2 {BY_ITSELF}." in told()
    refuse(1)
    assert "1 of them has refused TLS before and fetched no anchor: port 80 is probably closed to it." in told()
    assert "Each of the others fails TLS once" in told()
    refuse(2)
    refuse(3)
    assert "Each of them has refused TLS before and fetched no anchor" in told()
    assert BY_ITSELF not in told()
    (history,) = world.store.device_history(serial_of(1), "main")
    held = held_by_door(world.store, judge_for, "main", history, NOW)
    assert held.takes_served is Takes.REFUSES
    assert CLOSED in held.words(held.takes_served)


def test_what_a_door_refuses_with_its_own_anchor_is_not_said_to_be_fetched(world: World) -> None:
    """It does not come back, whatever it fetches. To what is for its host, it does: the control."""
    world.add_site()
    world.release()
    world.see(world.finished(1, 1, NOW))
    world.serve_for_another_host()

    def why() -> tuple[str, str, str]:
        (door,) = world.tonight.look_at("main", NOW + timedelta(hours=1)).doors
        (risk,) = [each for each in door.risks if each.kind is REFUSES_SERVED]
        return risk.why, risk.mend, at_the_door(door)[0].do

    said, mend, paper = why()
    assert "it does not come back while that is served" in said
    assert "comes back" not in said
    assert "engage release list --site main" in mend
    assert paper.startswith("Nothing at the door.")
    world.release()
    assert "fetches the anchor by plain HTTP, and comes back" in why()[0]
