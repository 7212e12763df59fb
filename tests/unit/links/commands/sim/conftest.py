"""An installation whose site hangs on a SIM, and the account that has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import make_installation
from tests.support.sim.memory import LINKS, MemoryAccount, reached_by_commands, sims


@pytest.fixture(scope="session")
def sim_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_installation(tmp_path_factory.mktemp("sim"))
    (folder / "links.toml").write_text(LINKS)
    return folder


@pytest.fixture
def account() -> Iterator[MemoryAccount]:
    """Three active SIMs; the first one carries the site."""
    with reached_by_commands(MemoryAccount(sims(3))) as account:
        yield account
