"""From what an operator asks for to requests: the way, the keys, a fresh folder, the order of sites."""

from pathlib import Path

import pytest

from engage_server.errors import Conflict, NotPossible, UsageError
from engage_server.records import Host, RotationWay
from engage_server.services.chains.building import build_successors
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.rotation.preparation import RotationRequest
from engage_server.services.rotation.request import RotationRequests, RotationWish
from tests.support.world import World


@pytest.fixture
def served(world: World) -> World:
    """Two sites that serve a release each."""
    world.add_site("main")
    world.release("main")
    world.add_site("north", (Host.parse("north.example.org"),))
    world.release("north")
    return world


def requests(world: World, waves: list[tuple[str, ...]], wish: RotationWish) -> list[RotationRequest]:
    """What is asked for, with the world's folder as authority and certs folder."""
    made = RotationRequests(world.rotations, world.releases)
    return made.of_waves(waves, wish, world.folder, world.folder, world.occasion)


RENEWAL = RotationWish(RotationWay.SERVER_RENEWAL)


def test_a_wave_waits_for_the_one_before(served: World) -> None:
    one, two = requests(served, [("main",), ("north",)], RENEWAL)
    assert (one.site, one.after, two.site, two.after) == ("main", (), "north", ("main",))
    assert one.folder != two.folder


def test_sites_of_one_wave_do_not_wait_for_each_other(served: World) -> None:
    assert [each.after for each in requests(served, [("main", "north")], RENEWAL)] == [(), ()]


def test_a_folder_is_never_used_twice(served: World) -> None:
    (first,) = requests(served, [("main",)], RENEWAL)
    first.folder.mkdir()
    (second,) = requests(served, [("main",)], RENEWAL)
    assert second.folder == first.folder.with_name(f"{first.folder.name}-2")


def test_without_a_way_something_must_be_due(served: World) -> None:
    with pytest.raises(Conflict) as refused:
        requests(served, [("main",)], RotationWish())
    assert refused.value.code == "rotation.not_due"


def test_one_that_is_going_on_keeps_its_way(served: World) -> None:
    (request,) = requests(served, [("main",)], RENEWAL)
    served.rotations.start(request, served.occasion, print)
    (again,) = requests(served, [("main",)], RotationWish())
    assert again.way is RotationWay.SERVER_RENEWAL


def test_what_stands_in_the_way_of_one_site_is_said_before_any_begins(served: World) -> None:
    served.add_site("empty", (Host.parse("empty.example.org"),))
    with pytest.raises(Conflict, match="serves nothing yet"):
        requests(served, [("main",), ("empty",)], RENEWAL)
    assert served.rotations.all() == []


class TestPrepared:
    """Chains that were made elsewhere are held against the way that the operator means."""

    @pytest.mark.parametrize("way", [*RotationWay])
    def test_they_say_which_way_they_are(self, served: World, way: RotationWay) -> None:
        folder = self.prepared(served, way)
        (found,) = requests(served, [("main",)], RotationWish(None, folder))
        assert found.way is way

    def test_another_way_is_refused(self, served: World) -> None:
        folder = self.prepared(served, RotationWay.CUT_OVER)
        with pytest.raises(UsageError, match="but a cut-over") as refused:
            requests(served, [("main",)], RotationWish(RotationWay.SERVER_RENEWAL, folder))
        assert refused.value.code == "rotation.other_way"

    def prepared(self, world: World, way: RotationWay) -> Path:
        request = world.request(way)
        before = chain_of(world.store.release("main", 1))
        hosts = world.store.site("main").hosts
        build_successors(request.folder, way, before, request.authority, hosts, world.occasion.now, None)
        return request.folder


def test_what_is_missing_is_told_of_all_sites_at_once(served: World, tmp_path: Path) -> None:
    made = RotationRequests(served.rotations, served.releases)
    nowhere = tmp_path / "nowhere"
    with pytest.raises(NotPossible) as refused:
        made.of_waves([("main",), ("north",)], RENEWAL, nowhere, served.folder, served.occasion)
    assert refused.value.code == "authority.missing"
    assert all(f"site {name}: the private key" in refused.value.sentence for name in ("main", "north"))
    assert str(nowhere) in refused.value.sentence
    assert served.rotations.all() == []


def test_prepared_chains_are_one_sites(served: World, tmp_path: Path) -> None:
    (request,) = requests(served, [("main",)], RENEWAL)
    served.rotations.start(request, served.occasion, print)
    with pytest.raises(UsageError, match="one site"):
        requests(served, [("main",), ("north",)], RotationWish(RotationWay.SERVER_RENEWAL, request.folder))


def test_a_folder_that_may_not_be_looked_at_holds_nothing(
    served: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under the systemd unit, which hides the authority's folder. Before, the answer was a defect."""
    hidden, stat = tmp_path / "hidden", Path.stat

    def guarded(path: Path, **options: bool) -> object:
        if hidden in path.parents:
            raise PermissionError
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", guarded)
    made = RotationRequests(served.rotations, served.releases)
    with pytest.raises(NotPossible) as refused:
        made.of_waves([("main",)], RENEWAL, hidden, hidden, served.occasion)
    assert refused.value.code == "authority.missing"
