"""What several unit tests share."""

from collections.abc import Iterator

import pytest

from tests.request_fuzz import FuzzedServer
from tests.world import World


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzedServer]:
    """The worker's way of answering, with the real app behind it; nothing changes it."""
    with World(tmp_path_factory.mktemp("server")) as world:
        server = FuzzedServer(world)
        yield server
        server.close()
