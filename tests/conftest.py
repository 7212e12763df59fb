"""What many tests need: a clean environment, a store, a PostgreSQL server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.records import AuditAction, AuditEvent, Occasion
from tests.chains import NOW
from tests.postgresql import PostgresServer, postgres_server
from tests.world import World


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("ENGAGE_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """One server for the whole run; every test takes a database of its own."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'engage.db'}"
    server: PostgresServer = request.getfixturevalue("postgresql")
    return server.new_database()


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
    world = World(tmp_path)
    yield world
    world.store.close()
