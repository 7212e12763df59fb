"""One browser for all tests in this folder, and a proxy that tells what it wanted from elsewhere."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import chromium
from tests.support.browsing.furnished import Running, filled
from tests.support.browsing.furnished import furnished as running_and_furnished
from tests.support.browsing.refusing_proxy import RefusingProxy, refusing_proxy
from tests.support.browsing.windows import Windows


@pytest.fixture(scope="session")
def proxy() -> Iterator[RefusingProxy]:
    with refusing_proxy() as proxy:
        yield proxy


@pytest.fixture(scope="session")
def browser(proxy: RefusingProxy) -> Iterator[Any]:
    with chromium(proxy.address) as browser:
        yield browser


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("filled"))


@pytest.fixture(scope="session")
def furnished(browser: Any, _filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console that no test may change, with something on every page."""
    with running_and_furnished(browser, _copied(_filled, tmp_path_factory)) as running:
        yield running


@pytest.fixture(scope="module")
def windows(browser: Any, furnished: Running) -> Iterator[Windows]:
    """Onto that console."""
    with ExitStack() as undone:
        yield Windows(browser, furnished, undone)


@pytest.fixture(scope="session")
def for_acts(browser: Any, _filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same for tests that change something. Modules that name it, or the one above, run in one process."""
    with running_and_furnished(browser, _copied(_filled, tmp_path_factory)) as running:
        yield running


def _copied(folder: Path, factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(folder, factory.mktemp("furnished"), dirs_exist_ok=True)
