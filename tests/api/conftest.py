"""One running pair for the judges that leave it as they found it, or only add releases."""

from collections.abc import Iterator

import pytest

from tests.support.api_server import ApiServer, api_server


@pytest.fixture(scope="session")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("api")) as server:
        yield server
