"""One installation and one running pair for the tests that change nothing; fresh ones for those that do."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chains import HOSTS
from tests.support.ingress import SharedIngress, shared_links
from tests.support.installation import make_installation
from tests.support.ports import free_port
from tests.support.running import RunningPair, engage, ok, running_pair


@pytest.fixture(scope="session")
def _first_installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_installation(tmp_path_factory.mktemp("first"))


@pytest.fixture
def installation(_first_installation: Path, tmp_path: Path) -> Path:
    """A fresh installation: a copy of one that is made once, with its keys. None of its files says where it lies."""
    shutil.copytree(_first_installation, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="session")
def shared_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A running pair that no test may change."""
    with running_pair(make_installation(tmp_path_factory.mktemp("shared")), "--workers", "1") as pair:
        yield pair


@pytest.fixture(scope="session")
def shared_ingress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedIngress]:
    """A running ingress of the links that no test may change."""
    folder = tmp_path_factory.mktemp("ingress")
    (folder / "data").mkdir()
    links, plain, far = shared_links(folder)
    (folder / "links.toml").write_text(links)
    owners = {
        "ENGAGE_KEY_ENCRYPTION_KEY": "x" * 44,
        "ENGAGE_RELEASE_KEY": "y" * 44,
        "ENGAGE_DATABASE_URL": "postgresql://owner:of-all-tables@127.0.0.1:9/engage",
    }
    ingress = SharedIngress(folder, free_port(), **owners)
    ingress.plain, ingress.far = plain, far
    try:
        ingress.wait_until_ready()
        yield ingress
    finally:
        ingress.stop()


@pytest.fixture(scope="session")
def legacy_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A running pair with the legacy TLS profile, that no test may change."""
    folder = make_installation(tmp_path_factory.mktemp("legacy"))
    with running_pair(folder, "--workers", "1", ENGAGE_TLS_PROFILE="legacy") as pair:
        yield pair


@pytest.fixture
def root(shared_pair: RunningPair) -> Path:
    """The root that the shared pair distributes, as PEM."""
    return shared_pair.folder / "certs" / "main" / "partner_CA.pem"


@pytest.fixture(scope="session")
def other_chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain of another authority for the same hosts: the negative control's root."""
    folder = tmp_path_factory.mktemp("other")
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(folder, "chain", "build", "chain", *hosts))
    return folder / "chain"
