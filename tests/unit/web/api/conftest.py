"""The API on a site with two releases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.world import World, serving


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A site that serves its first release."""
    with serving(tmp_path) as world:
        yield world


@pytest.fixture
def api(world: World) -> Api:
    """The API."""
    return Api(world)
