"""What several tests of the fuzzers share."""

from collections.abc import Iterator

import pytest

from tests.fuzz.requests import FuzzedServer, fuzzed_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzedServer]:
    """The worker's way of answering, with the real app behind it; nothing changes it."""
    with fuzzed_server(tmp_path_factory.mktemp("server")) as server:
        yield server
