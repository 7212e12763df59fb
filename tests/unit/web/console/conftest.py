"""The console on a site that serves its first release."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import Console
from tests.support.world import World, serving


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site that serves its first release."""
    with serving(tmp_path) as world:
        yield world


@pytest.fixture
def console(world: World) -> Console:
    """The console."""
    return Console(world)
