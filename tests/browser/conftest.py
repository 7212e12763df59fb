"""One browser for all tests in this folder, and a proxy that tells what it wanted from elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser import chromium
from tests.support.browsing.furnished import Running
from tests.support.browsing.furnished import furnished as running_and_furnished
from tests.support.browsing.refusing_proxy import RefusingProxy, refusing_proxy


@pytest.fixture(scope="session")
def proxy() -> Iterator[RefusingProxy]:
    with refusing_proxy() as proxy:
        yield proxy


@pytest.fixture(scope="session")
def browser(proxy: RefusingProxy) -> Iterator[Any]:
    with chromium(proxy.address) as browser:
        yield browser


@pytest.fixture(scope="session")
def furnished(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console that no test may change, with something on every page."""
    with running_and_furnished(browser, tmp_path_factory.mktemp("furnished")) as running:
        yield running


@pytest.fixture(scope="module")
def for_acts(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same for a module whose tests change something."""
    with running_and_furnished(browser, tmp_path_factory.mktemp("for-acts")) as running:
        yield running
