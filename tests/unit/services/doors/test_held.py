"""Which anchors one door may hold, and how it takes what is served and what comes next."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.records import RotationWay, Sighting, SightingKind
from engage_server.services.doors.held import HeldByDoor, Takes, held_by_door
from tests.support.chains import NOW
from tests.support.world import World, address_of, judge_for, serial_of, serving


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(tmp_path) as world:
        yield world


def _held(world: World, device: int = 1) -> HeldByDoor:
    (history,) = world.store.device_history(serial_of(device), "main") or (None,)
    return held_by_door(world.store, judge_for, "main", history, NOW)


def _downloaded(device: int, release: int) -> Sighting:
    return Sighting(SightingKind.CERTIFICATE, NOW, "http", address_of(device), serial_of(device), "main", release)


def test_a_door_that_never_came_holds_nothing_that_is_known(world: World) -> None:
    assert _held(world) == HeldByDoor((), 0, 1, Takes.NOT_KNOWN)


def test_a_door_that_came_holds_the_anchor_of_what_it_accepted(world: World) -> None:
    """It accepts what is served, until that has another root."""
    world.see(world.finished(1, 1, NOW))
    held = _held(world)
    assert [each.releases for each in held.anchors] == [(1,)]
    assert (held.accepted, held.takes_served) == (1, Takes.ACCEPTS)
    world.release()
    assert (_held(world).served, _held(world).takes_served) == (2, Takes.REFUSES)


def test_a_door_that_downloaded_since_holds_one_of_two(world: World) -> None:
    """So it may refuse."""
    world.see(world.finished(1, 1, NOW - timedelta(hours=1)))
    world.release()
    world.see(_downloaded(1, 2))
    held = _held(world)
    assert [each.releases for each in held.anchors] == [(1,), (2,)]
    assert held.takes_served is Takes.MAY_REFUSE


def test_the_next_release_is_that_of_the_open_rotation(world: World) -> None:
    """A staged one is none."""
    world.see(world.finished(1, 1, NOW))
    world.release(activate=False)
    assert _held(world).following == 0
    world.rotations.start(world.request(RotationWay.LINKED_REKEY), world.occasion)
    held = _held(world)
    assert (held.served, held.takes_served) == (3, Takes.ACCEPTS)
    assert (held.following, held.takes_following) == (4, Takes.REFUSES)


def test_a_door_does_not_come_back_to_what_its_own_anchor_refuses(world: World) -> None:
    """Such as a certificate for another host. With one for its host, it does: the control."""
    world.see(world.finished(1, 1, NOW))
    world.serve_for_another_host()
    held = _held(world)
    assert (held.served, held.takes_served) == (2, Takes.REFUSES_FOR_GOOD)
    assert "comes back" not in held.words(held.takes_served)
    world.release()
    assert "comes back" in _held(world).words(_held(world).takes_served)
