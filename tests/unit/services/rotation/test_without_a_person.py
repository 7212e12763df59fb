"""Sites that must rotate by themselves, night by night, with the real fold and store; and those that must not."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from engage_server.errors import Refused
from engage_server.records import AuditAction, GatePolicy, Occasion, RotationState, RotationWay, Sighting
from tests.support.forger import (
    SERVED_AT,
    Door,
    Fate,
    Forged,
    Forgery,
    at_night,
    batches,
    forged_visits,
    true_visits,
)
from tests.support.stored import audit_events
from tests.support.world import World, serial_of

WAYS = [RotationWay.SERVER_RENEWAL, RotationWay.CUT_OVER]


def doors(*fates: Fate, moves_at: int = 0) -> list[Door]:
    return [Door(number, fate, moves_at) for number, fate in enumerate(fates)]


SITES = {
    "a lease before it": doors(*[Fate.WELL] * 5, Fate.MOVER, moves_at=-4),
    "a lease the night before it": doors(*[Fate.WELL] * 5, Fate.MOVER, moves_at=0),
    "a lease during it": doors(*[Fate.WELL] * 5, Fate.MOVER, moves_at=1),
    "new leases for all": doors(*[Fate.MOVER] * 6, moves_at=-1),
    "three doors": doors(*[Fate.WELL] * 3),
    "one NAT": doors(*[Fate.BEHIND_NAT] * 8),
    "a door that sleeps": doors(*[Fate.WELL] * 4, Fate.SLEEPER),
}


def rotated(
    world: World,
    site: list[Door],
    way: RotationWay,
    *forged: Forged,
    seen: Sequence[Sighting] = (),
    policy: GatePolicy | None = None,
    listed: int = 0,
) -> list[str]:
    """All nights of a site, with a gate that looks each morning and evening; what it told."""
    world.add_site()
    world.release()
    world.sites.add_devices([serial_of(number) for number in range(listed)], "main", world.occasion)
    found = [*true_visits(site, cut_over=way is RotationWay.CUT_OVER), *forged_visits(site, forged), *seen]
    request = world.request(way, policy=policy or GatePolicy())
    told: list[str] = []
    for until, batch in batches(found):
        if batch:
            world.see(*batch)
        if until == SERVED_AT:
            world.rotations.start(request, Occasion("tester", until), told.append)
        world.rotations.go_on("main", Occasion("the servers themselves", until), told.append)
    return told


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", list(SITES))
def test_it_rotates_without_a_person(world: World, name: str, way: RotationWay) -> None:
    told = rotated(world, SITES[name], way)
    assert world.rotations.all("main")[-1].state is RotationState.DONE, told
    assert AuditAction.ROTATION_APPROVED not in {event.action for event in audit_events(world.store)}


@pytest.mark.parametrize(
    ("site", "state", "words"),
    [
        (doors(*[Fate.WELL] * 5, Fate.DEAD), RotationState.HELD, "1 missed the usual calls"),
        (doors(*[Fate.WELL] * 4, *[Fate.DEAD] * 3), RotationState.ROLLED_BACK, "3 of 7 devices lost"),
        (doors(*[Fate.WELL] * 4, *[Fate.REFUSES] * 3), RotationState.ROLLED_BACK, "3 refused TLS from the usual"),
        (doors(*[Fate.WELL] * 4, *[Fate.LOOPS_PLAIN] * 3), RotationState.HELD, "3 downloaded again and again by plain"),
        (doors(*[Fate.WELL] * 4, *[Fate.SAYS_NO] * 3), RotationState.HELD, "3 reported in an audit"),
        (
            doors(*[Fate.BEHIND_NAT] * 4, *[Fate.DEAD_BEHIND_NAT] * 3),
            RotationState.HELD,
            "at an address of several",
        ),
    ],
)
def test_and_those_that_must_not(world: World, site: list[Door], state: RotationState, words: str) -> None:
    told = rotated(world, site, RotationWay.CUT_OVER)
    assert world.rotations.all("main")[-1].state is state, told
    assert words in told[-1]


@pytest.mark.parametrize("way", WAYS)
def test_six_plain_requests_turn_nothing_back(world: World, way: RotationWay) -> None:
    """Two downloads in each of three names, from an address that is not theirs."""
    forged = [Forged(0, 13, door, Forgery.DOWNLOADS) for door in range(3) for _ in range(2)]
    told = rotated(world, SITES["three doors"], way, *forged)
    assert world.rotations.all("main")[-1].state is RotationState.DONE, told


@pytest.mark.parametrize("way", WAYS)
def test_one_handshake_in_each_name_finishes_nothing(world: World, way: RotationWay) -> None:
    forged = [Forged(0, 13, door, Forgery.ACCEPTS) for door in range(6)]
    told = rotated(world, doors(*[Fate.DEAD] * 6), way, *forged)
    assert "TLS connections from 198.51.100.9 named 6 of 6 devices" in told[-1]
    assert world.rotations.all("main")[-1].state is RotationState.HELD


@pytest.mark.parametrize(
    ("nights", "policy", "state"),
    [
        (1, GatePolicy(), RotationState.DONE),
        (3, GatePolicy(), RotationState.DONE),
        (3, GatePolicy(only_listed=True), RotationState.DONE),
    ],
)
def test_visitors_turn_nothing_back_where_there_is_a_list(
    world: World, nights: int, policy: GatePolicy, state: RotationState
) -> None:
    """Three clients without a serial number: a scan of ports hours before the step, or a habit that then ends."""
    visitors = [
        replace(world.finished(0, 1, at_night(-night, 9), address=f"203.0.113.{number}"), serial=None)
        for number in (60, 61, 62)
        for night in range(nights)
    ]
    told = rotated(world, SITES["three doors"], RotationWay.CUT_OVER, seen=visitors, policy=policy, listed=3)
    assert world.rotations.all("main")[-1].state is state, told


def test_without_a_list_a_habit_of_three_nights_is_all_that_tells_a_door(world: World) -> None:
    """Said in docs/rotation.md: whoever keeps it up at more addresses than may be lost turns a rotation back."""
    visitors = [
        replace(world.finished(0, 1, at_night(-night, 9), address=f"203.0.113.{number}"), serial=None)
        for number in (60, 61, 62)
        for night in range(3)
    ]
    told = rotated(world, SITES["three doors"], RotationWay.CUT_OVER, seen=visitors)
    assert world.rotations.all("main")[-1].state is RotationState.ROLLED_BACK, told


def test_a_list_that_is_empty_is_refused(world: World) -> None:
    world.add_site()
    world.release()
    request = world.request(RotationWay.CUT_OVER, policy=GatePolicy(only_listed=True))
    with pytest.raises(Refused, match="site 'main' has no list of devices"):
        world.rotations.start(request, world.occasion)
    assert world.rotations.all("main") == []
