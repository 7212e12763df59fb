"""The figures of a large site are kept for a while, and not longer than they are true of what is served."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.errors import NotFound
from engage_server.services.installation.recent_sites import KEPT_SECONDS, RecentSites
from engage_server.services.rotation.adoption_nights import AdoptionNights
from tests.support.chains import NOW
from tests.support.world import World, serving


class Watch:
    """Each look at the site takes as long as a test says."""

    def __init__(self, took: float) -> None:
        self.seconds, self.took = 0.0, took

    def __call__(self) -> float:
        self.seconds += self.took / 2
        return self.seconds


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site that serves its first release."""
    with serving(tmp_path) as world:
        yield world


def recent(world: World, watch: Watch) -> RecentSites:
    """On the world's store."""
    nights, callers = AdoptionNights(world.store), world.evidence.callers_of_own_hosts
    return RecentSites(world.overview, nights, callers, world.store.generation, watch)


def test_what_is_quick_is_counted_each_time(world: World) -> None:
    sites = recent(world, Watch(0.0))
    assert sites.look_at("main", world.occasion).counted_at == NOW
    assert sites.look_at("main", world.later(minutes=1)).counted_at == NOW + timedelta(minutes=1)


def test_what_takes_long_is_kept_for_a_while(world: World) -> None:
    watch = Watch(1.0)
    sites = recent(world, watch)
    first = sites.look_at("main", world.occasion)
    assert sites.look_at("main", world.later(seconds=30)) is first
    watch.seconds += KEPT_SECONDS * 2
    assert sites.look_at("main", world.later(minutes=5)) is not first


def test_it_is_counted_again_when_another_release_is_served(world: World) -> None:
    sites = recent(world, Watch(1.0))
    sites.look_at("main", world.occasion)
    world.release()
    current = sites.look_at("main", world.later(seconds=1)).status.current
    assert current is not None
    assert current.number == 2


def test_it_is_counted_again_when_the_clock_was_set_back(world: World) -> None:
    sites = recent(world, Watch(1.0))
    first = sites.look_at("main", world.later(hours=1))
    assert sites.look_at("main", world.occasion) is not first


def test_a_site_that_is_not_there_is_not_kept(world: World) -> None:
    with pytest.raises(NotFound):
        recent(world, Watch(1.0)).look_at("other", world.occasion)
