"""Which anchor devices hold, by what they fetched and accepted; and whether a release can be retired."""

from datetime import datetime, timedelta

import pytest

from engage_server.records import Host, NamedDevice, RotationWay, Sighting, SightingKind
from engage_server.services.chains.folder import read_chain_folder
from engage_server.services.releases.reception import Reception
from tests.support.chains import NOW
from tests.support.world import World, address_of, serial_of

MINUTE = timedelta(minutes=1)


@pytest.fixture
def served(world: World) -> World:
    """A site whose first release three devices have fetched and accepted."""
    world.add_site("main")
    world.release("main")
    for device in (1, 2, 3):
        come(world, device, 1)
    return world


def come(world: World, device: int, release: int, *, fetches: bool = True, minutes: int = 0) -> None:
    """A device fetches the anchor of a release, and comes by TLS."""
    at = NOW + minutes * MINUTE
    if fetches:
        world.see(fetched(device, release, at.replace(second=1)))
    world.see(world.finished(device, release, at + MINUTE))


def fetched(device: int, release: int, at: datetime) -> Sighting:
    return Sighting(SightingKind.CERTIFICATE, at, "http", address_of(device), serial_of(device), "main", release)


def nameless(number: int) -> NamedDevice:
    return NamedDevice(serial_of(number))


def reception(world: World, release: int) -> Reception:
    return world.held_anchors.reception("main", release, world.occasion.now)


def test_all_hold_what_they_accepted(served: World) -> None:
    found = reception(served, 1)
    assert (found.devices, found.hold, found.refuse, found.fails_somebody) == (3, 3, 0, False)


def test_a_release_under_another_root_is_refused_by_all(served: World) -> None:
    other = served.release("main", activate=False)
    found = reception(served, other)
    assert (found.hold, found.refuse, found.fails_somebody) == (0, 3, True)
    assert found.refusing == tuple(map(nameless, (1, 2, 3)))


def test_nobody_comes_back_to_what_its_own_anchor_refuses(served: World) -> None:
    material = read_chain_folder(served.chain_folder((Host("elsewhere.test"),)))
    wrong = served.releases.stage(material, "main", served.occasion).release.number
    found = reception(served, wrong)
    assert (found.refuse, found.is_refused_for_good) == (3, True)
    assert "comes back." not in found.then
    assert "None comes back by itself" in found.then
    other = reception(served, served.release("main", activate=False))
    assert (other.refuse, other.is_refused_for_good) == (3, False), "the control"
    assert "comes back." in other.then


def test_who_accepts_a_release_counts_for_it_whatever_anchor_it_holds(served: World) -> None:
    """Through a link, doors accept a release and keep the anchor of before."""
    served.rotations.start(served.request(RotationWay.LINKED_REKEY), served.occasion)
    transition, last = served.rotations.all("main")[-1].releases
    come(served, 1, transition, fetches=False, minutes=10)
    found = served.held_anchors.reception("main", last, NOW, accepting=transition)
    assert (found.devices, found.refuse, found.refusing) == (3, 3, tuple(map(nameless, (1, 2, 3))))


def test_after_going_back_over_a_root_those_that_moved_on_refuse(served: World) -> None:
    other = served.release("main")
    come(served, 1, other, minutes=10)
    come(served, 2, other, minutes=10)
    served.releases.roll_back("main", {}, "", served.occasion)
    found = reception(served, 1)
    assert (found.refuse, found.refusing) == (2, (nameless(1), nameless(2)))
    come(served, 1, 1, minutes=20)
    assert reception(served, 1).refusing == (nameless(2),)


def test_through_a_link_the_old_anchor_is_still_held(served: World) -> None:
    """It accepts the transition chain with the anchor that it had: the last chain, without the link, it will not."""
    served.rotations.start(served.request(RotationWay.LINKED_REKEY), served.occasion)
    transition, last = served.rotations.all("main")[-1].releases
    come(served, 1, transition, fetches=False, minutes=10)
    come(served, 2, transition, minutes=10)
    assert reception(served, transition).refuse == 0
    assert reception(served, transition).not_holding == (nameless(1), nameless(3))
    assert reception(served, last).refusing == (nameless(1), nameless(3))
    compared = served.held_anchors.reception("main", last, NOW, accepting=transition)
    assert (compared.devices, compared.refusing) == (3, (nameless(1), nameless(3))), "all accept the first of the two"


def test_what_was_fetched_since_is_not_proven(served: World) -> None:
    other = served.release("main")
    served.see(fetched(1, other, NOW + 10 * MINUTE))
    for number in (1, other):
        found = reception(served, number)
        assert (found.may_refuse, nameless(1) in found.refusing, nameless(1) in found.not_holding) == (1, False, True)


def test_a_new_server_certificate_changes_nothing(served: World) -> None:
    served.rotations.start(served.request(RotationWay.SERVER_RENEWAL), served.occasion)
    (renewed,) = served.rotations.all("main")[-1].releases
    found = reception(served, renewed)
    assert (found.hold, found.refuse) == (3, 0)


def test_strangers_to_the_list_are_counted_apart(served: World) -> None:
    served.sites.add_devices([serial_of(1), serial_of(9)], "main", served.occasion)
    found = reception(served, 1)
    assert (found.devices, found.hold, found.strangers, found.unseen) == (1, 1, 2, 1)


class TestRetirement:
    def advice(self, world: World) -> tuple[bool, str]:
        found = world.held_anchors.advice("main", world.occasion.now)
        assert found is not None
        return found.is_safe, found.sentence

    def test_nothing_to_retire(self, served: World) -> None:
        assert served.held_anchors.advice("main", NOW) is None

    def test_no_while_one_holds_another_anchor(self, served: World) -> None:
        other = served.release("main")
        come(served, 1, other, minutes=10)
        assert self.advice(served) == (
            False,
            "safe to retire release 1: no: 2 doors do not provably hold the anchor of release 2, "
            f"such as {serial_of(2)}",
        )

    def test_yes_when_all_hold_the_new_one(self, served: World) -> None:
        other = served.release("main")
        for device in (1, 2, 3):
            come(served, device, other, minutes=10)
        assert self.advice(served) == (True, "safe to retire release 1: yes, 3 of 3 doors hold the anchor of release 2")

    def test_who_was_never_seen_is_told(self, served: World) -> None:
        served.sites.add_devices([serial_of(n) for n in (1, 2, 3, 7)], "main", served.occasion)
        other = served.release("main")
        for device in (1, 2, 3):
            come(served, device, other, minutes=10)
        assert self.advice(served)[1].endswith("of release 2; 1 door on the list was never seen")

    def test_no_device_proves_nothing(self, world: World) -> None:
        world.add_site("main")
        world.release("main")
        world.release("main")
        assert self.advice(world) == (
            False,
            "safe to retire release 1: no: no door has come through with any release yet",
        )

    def test_not_while_an_open_rotation_may_go_back(self, served: World) -> None:
        second = served.release("main")
        served.rotations.start(served.request(RotationWay.SERVER_RENEWAL), served.occasion)
        for device in (1, 2, 3):
            come(served, device, second + 1, minutes=10)
        yes = "safe to retire release 1: yes, 3 of 3 doors hold the anchor of release 3"
        assert self.advice(served) == (
            True,
            f"{yes}. Not yet safe to retire release 2: the open rotation may go back to it",
        )
        found = served.held_anchors.advice_on("main", [second], NOW)
        no = "safe to retire release 2: not yet: the open rotation may go back to it"
        assert (found.is_safe, found.sentence) == (False, no)
        served.rotations.abort("main", "", served.occasion, keep=True)
        assert self.advice(served)[1].startswith("safe to retire releases 1 and 2: yes, 3 of 3"), "the control"

    def test_nor_what_it_served_before(self, served: World) -> None:
        served.rotations.start(served.request(RotationWay.LINKED_REKEY), served.occasion)
        served.rotations.approve("main", "trial", served.occasion)
        assert self.advice(served) == (
            False,
            "safe to retire releases 1 and 2: not yet: the open rotation may still need them",
        )
