"""The console on a site that serves its first release."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import Console
from tests.support.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site that serves its first release."""
    with World(tmp_path) as world:
        world.add_site()
        world.release()
        yield world


@pytest.fixture
def console(world: World) -> Console:
    """The console."""
    return Console(world)
