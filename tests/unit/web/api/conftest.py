"""The API on a site with two releases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site that serves its first release."""
    with World(tmp_path) as world:
        world.add_site()
        world.release()
        yield world


@pytest.fixture
def api(world: World) -> Api:
    """The API."""
    return Api(world)
