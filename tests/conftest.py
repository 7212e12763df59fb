"""What many tests need: a clean environment, keys, a store, a PostgreSQL server."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from engage_server.cli.process.collector import collect_seldom
from engage_server.records import AuditAction, AuditEvent, Occasion
from tests.support.browsing.skipping import BrowserSkips
from tests.support.chains import NOW
from tests.support.compiled import compiled_once
from tests.support.connections import ConnectionsClosed
from tests.support.databases import migrated_postgresql, migrated_sqlite
from tests.support.dear_tests import DearTests, is_whole, write_list
from tests.support.lengths import RUN
from tests.support.postgresql import PostgresServer, postgres_server
from tests.support.rsa_keys import SharedKeepTheirs, pooled_keys
from tests.support.sharing import ByServer
from tests.support.timing import Timing
from tests.support.world import World

_TESTS = Path(__file__).parent
_ORDER = ("project", "browser", "api", "end_to_end", "property", "strangers", "unit", "fuzz")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the whole suite."""
    parser.addoption("--all", action="store_true", help="what CI runs: each test, with more examples")
    parser.addoption("--campaign", action="store_true", help="every example, each kill, ten years: docs/campaigns.md")
    parser.addoption("--need-browser", action="store_true", help="fail where a test of a browser would be skipped: CI")
    parser.addoption("--write-pages", action="store_true", help="write what commands print into docs/: scripts/pages")
    parser.addoption("--write-dear-tests", action="store_true", help="after --all: write tests/dear_tests.txt anew")
    parser.addoption("--slowest", type=int, default=10, metavar="N", help="how many of the slowest tests to print")


def pytest_configure(config: pytest.Config) -> None:
    """The run's length, keys from a pool, templates compiled once, and what each test costs."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each server that a test starts compiles all that it imports
    sys.dont_write_bytecode = False
    collect_seldom()  # as commands do: to look at all that was collected, again and again, took a tenth of the time
    settings.register_profile("suite", deadline=None)  # a machine that is busy breaks no law
    settings.load_profile("suite")
    RUN.campaign = config.getoption("campaign")
    RUN.all = RUN.campaign or config.getoption("all")
    until_the_end = ExitStack()
    until_the_end.enter_context(compiled_once())
    cache = getattr(config, "cache", None)  # not with "-p no:cacheprovider": then every key is made and proven anew
    if cache is not None:
        until_the_end.enter_context(pooled_keys(cache.mkdir("rsa-keys")))
        config.pluginmanager.register(SharedKeepTheirs())
    config.add_cleanup(until_the_end.close)
    config.pluginmanager.import_plugin("tests.support.pairs")
    timing = Timing(config.getoption("slowest"))
    config.pluginmanager.register(timing)
    config.pluginmanager.register(ConnectionsClosed())
    if not RUN.all and is_whole(config):
        config.pluginmanager.register(DearTests(config))
    if RUN.all and config.getoption("write_dear_tests") and is_whole(config) and not hasattr(config, "workerinput"):
        config.add_cleanup(lambda: write_list(timing.taken))
    config.pluginmanager.register(BrowserSkips(demanded=config.getoption("need_browser")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """First what is over soonest and fails most often; then what takes long, so that no process is left with it."""
    items.sort(key=lambda item: _ORDER.index(item.path.relative_to(_TESTS).parts[0]))
    left_out = [("campaign", "--campaign")] * (not RUN.campaign) + [("long", "--all")] * (not RUN.all)
    for item in items:
        for name, option in left_out:
            for mark in item.iter_markers(name):
                item.add_marker(pytest.mark.skip(reason=f"{name}, run by scripts/test {option}; {mark.args[0]}"))


def pytest_collection_finish() -> None:
    """What stays until the end is never examined again."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServer | None:
    """By module, and those that share a server together."""
    return ByServer(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("ENGAGE_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr("engage_server.settings_file.SYSTEM_FILE", Path("/nowhere/engage.toml"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """One server for the whole run; every test takes a database of its own."""
    with postgres_server(in_memory=True) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'engage.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    yield (url := server.new_database())
    server.done_with(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with tables and without rows, once of each kind; sealed by ``databases.SEALER``."""
    if request.param == "sqlite":
        yield migrated_sqlite(tmp_path / "engage.db")
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    yield (url := migrated_postgresql(server))
    server.done_with(url)


@pytest.fixture
def occasion() -> Occasion:
    """A test operator, at the tests' time."""
    return Occasion("tester", NOW)


@pytest.fixture
def event() -> AuditEvent:
    """Any audit event."""
    return AuditEvent(NOW, "tester", AuditAction.SITE_ADDED, "main", {"why": "test"})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A fresh store with the services on it."""
    with World(tmp_path) as world:
        yield world
