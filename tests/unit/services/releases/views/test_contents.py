"""What a release holds, and two of them side by side."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.pki.byte_budget import measure
from engage_server.records import AnchorRole, Host
from engage_server.services.installation.audit_log import AuditLog
from engage_server.services.installation.release_acts import ReleaseActs, release_acts
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.releases.views.comparison import ReleaseComparison, compared
from engage_server.services.releases.views.contents import contents_of
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import HOSTS, NOW
from tests.support.world import World, serial_of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site that serves its first release and has a second one, under another root."""
    with World(tmp_path) as world:
        world.add_site()
        world.release()
        world.release(activate=False)
        yield world


def side_by_side(world: World, first: int = 1, second: int = 2) -> ReleaseComparison:
    """Both of them."""
    return compared(world.releases, world.held_anchors, "main", (first, second), NOW)


def test_it_holds_what_its_chain_has(world: World) -> None:
    release = world.releases.one("main", 1)
    found, chain = contents_of(release), chain_of(release)
    assert [each.role for each in found.certificates] == ["root", "intermediate", "server"]
    assert [each.ends for each in found.certificates] == [each.not_valid_after_utc for each in chain]
    assert [each.is_sent for each in found.certificates] == [False, True, True]
    assert found.server.names == tuple(map(str, HOSTS))
    assert found.first_to_end == found.server
    assert found.budget == measure(chain)
    assert sum(each.der_bytes for each in found.certificates) == found.budget.total


@pytest.mark.parametrize("role", AnchorRole)
def test_the_anchor_is_the_one_that_devices_are_given(world: World, role: AnchorRole) -> None:
    world.add_site("other", (Host("other.example.org"),), anchor=role)
    world.release("other")
    assert contents_of(world.releases.one("other", 1)).anchor.role == role


def test_a_destroyed_key_is_not_there(world: World) -> None:
    world.releases.activate("main", 2, {}, world.occasion)
    world.releases.retire("main", 1, "", world.occasion)
    assert [contents_of(world.releases.one("main", number)).has_key for number in (1, 2)] == [False, True]
    keys = next(each for each in side_by_side(world).rows if each.what == "private key")
    assert keys.first.endswith(", destroyed")


def test_what_is_the_same_and_what_is_not(world: World) -> None:
    rows = {each.what: each for each in side_by_side(world).rows}
    assert not rows["anchor"].is_same
    assert not rows["private key"].is_same
    assert rows["names in the server certificate"].is_same
    assert rows["bytes left"].first == f"{contents_of(world.releases.one('main', 1)).budget.left:,}"
    assert side_by_side(world, 1, 1).changes == ()


def test_a_host_that_only_one_of_them_names_is_a_change(world: World) -> None:
    world.sites.change(world.store.site("main"), SiteChanges(hosts=(*HOSTS, Host("b.example.org"))), "", world.occasion)
    third = world.release(activate=False)
    row = next(each for each in side_by_side(world, 2, third).rows if each.what == "names in the server certificate")
    assert (row.is_same, row.second) == (False, f"{row.first} b.example.org")


def test_only_doors_that_accept_the_first_count(world: World) -> None:
    """One came through with the first release, one with the second, and one with none."""
    world.see(world.finished(1, 1, NOW - timedelta(days=2)))
    world.releases.activate("main", 2, {}, world.occasion)
    world.see(world.finished(2, 2, NOW - timedelta(days=1)))
    world.sites.add_device(serial_of(3), "main", world.occasion)
    world.sites.add_device(serial_of(2), "main", world.occasion)
    world.sites.add_device(serial_of(1), "main", world.occasion)
    forward, back = side_by_side(world), side_by_side(world, 2, 1)
    assert (forward.reception.devices, forward.reception.refuse) == (1, 1)
    assert [each.identity for each in forward.reception.refusing] == [serial_of(1)]
    assert [each.identity for each in back.reception.refusing] == [serial_of(2)]
    assert world.held_anchors.reception("main", 2, NOW).devices == 2
    assert "1 would fail TLS" in forward.sentence
    assert "1 would accept release 1, 0 would fail TLS" in side_by_side(world, 1, 1).sentence


def test_no_door_is_said_to_accept_what_nobody_met(world: World) -> None:
    assert side_by_side(world).sentence == "no door is known to accept release 1 for certain"


def test_who_staged_and_served_it(world: World) -> None:
    """Also where one person staged, and another one let it be served, in the same moment."""
    ann, bob = (type(world.occasion)(name, NOW + timedelta(hours=1)) for name in ("ann", "bob"))
    world.occasion = ann
    world.release(activate=False)
    world.releases.activate("main", 3, {}, bob)
    world.releases.roll_back("main", {}, "", type(ann)("eve", NOW + timedelta(hours=2)))
    found = release_acts(AuditLog(world.store), "main", world.store.releases("main"))
    assert found[1] == ReleaseActs("tester", "eve")
    assert found[2] == ReleaseActs("tester", "")
    assert found[3] == ReleaseActs("ann", "bob")
    assert release_acts(AuditLog(world.store), "main", []) == {}
