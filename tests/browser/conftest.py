"""One browser for all tests in this folder, and a proxy that tells what it wanted from elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser import chromium
from tests.support.browsing.refusing_proxy import RefusingProxy, refusing_proxy


@pytest.fixture(scope="session")
def proxy() -> Iterator[RefusingProxy]:
    with refusing_proxy() as proxy:
        yield proxy


@pytest.fixture(scope="session")
def browser(proxy: RefusingProxy) -> Iterator[Any]:
    with chromium(proxy.address) as browser:
        yield browser
