"""Whoever can write to the database, but has no key: each way to change the audit log, with and without ``init``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from engage_server.errors import SealBroken, StoreNotUsable
from engage_server.records import AuditEvent, AuditHead
from engage_server.services.installation.audit_log import AuditLog
from engage_server.store import schema
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.databases import SEALER, upgrade
from tests.support.stored import audit_entries

ENTRIES = 8


@dataclass(frozen=True)
class Way:
    """Some SQL, and whether ``init`` can run afterwards."""

    name: str
    statements: tuple[str, ...]
    stops_init: bool = False


WAYS = [
    Way("an entry is changed", ("UPDATE audit_events SET actor = 'mallory' WHERE id = 3",)),
    Way("one is removed from the middle", ("DELETE FROM audit_events WHERE id = 4",)),
    Way("the first is removed", ("DELETE FROM audit_events WHERE id = 1",)),
    Way("the end is removed", ("DELETE FROM audit_events WHERE id > 5",)),
    Way(
        "the end is removed, and the count says so",
        ("DELETE FROM audit_events WHERE id > 5", "UPDATE installation SET audit_entries = 5"),
    ),
    Way("all are removed", ("DELETE FROM audit_events", "UPDATE installation SET audit_entries = 0")),
    Way(
        "two are exchanged",
        (
            "UPDATE audit_events SET id = 99 WHERE id = 3",
            "UPDATE audit_events SET id = 3 WHERE id = 4",
            "UPDATE audit_events SET id = 4 WHERE id = 99",
        ),
    ),
    Way(
        "one is put in",
        (
            "INSERT INTO audit_events (id, at, actor, action, site, facts, before, reason, previous, hash) SELECT "
            "9, at, 'mallory', action, site, facts, before, reason, hash, hash FROM audit_events WHERE id = 8",
            "UPDATE installation SET audit_entries = 9",
        ),
    ),
    Way("the seal is emptied", ("UPDATE installation SET audit_end = ''",)),
    Way(
        "the end is removed, and the seal emptied",
        ("DELETE FROM audit_events WHERE id > 2", "UPDATE installation SET audit_entries = 2, audit_end = ''"),
    ),
    Way(
        "the middle is removed and renumbered, and the seal emptied",
        (
            "DELETE FROM audit_events WHERE id = 3",
            "UPDATE audit_events SET actor = 'mallory' WHERE id = 5",
            "UPDATE audit_events SET id = id + 999 WHERE id > 3",
            "UPDATE audit_events SET id = id - 1000 WHERE id > 999",
            "UPDATE installation SET audit_entries = 7, audit_end = ''",
        ),
    ),
    Way("all hashes and the seal are emptied", ("UPDATE audit_events SET hash = '', previous = ''", "*empty")),
    Way(
        "the one row of the installation is removed",
        ("DELETE FROM audit_events WHERE id > 2", "DELETE FROM installation"),
    ),
    Way(
        "the database says that it is of an older version",
        ("*empty", "UPDATE alembic_version SET version_num = '0002'"),
        stops_init=True,
    ),
]


@pytest.fixture
def told() -> list[AuditHead]:
    return []


@pytest.fixture
def store(migrated_url: str, event: AuditEvent, told: list[AuditHead]) -> Iterator[SqlStore]:
    """A log of some entries, and what was told of each."""
    engine = open_engine(migrated_url)
    store = SqlStore(engine, SEALER, told=told.append)
    for number in range(ENTRIES):
        store.record(replace(event, reason=f"reason {number}"))
    yield store
    store.close()


def tamper(store: SqlStore, way: Way) -> None:
    with store._engine.begin() as connection:
        for statement in way.statements:
            connection.execute(text(statement.replace("*empty", "UPDATE installation SET audit_end = ''")))


@pytest.mark.parametrize("afterwards", ["nothing", "init", "an act", "init and acts"])
def test_nothing_launders_the_log(store: SqlStore, event: AuditEvent, afterwards: str) -> None:
    """Twelve ways and more: what is done afterwards signs none of it."""
    for way in WAYS:
        with _kept(store):
            assert store.audit_verdict().faults == (), "the control"
            tamper(store, way)
            if "init" in afterwards and way.stops_init:
                with pytest.raises(StoreNotUsable):
                    upgrade(store._engine)
            elif "init" in afterwards:
                upgrade(store._engine)
            if "act" in afterwards and not ("DELETE FROM installation" in way.statements and afterwards == "an act"):
                for _ in range(2):
                    store.record(event)  # operators are not locked out
            assert store.audit_verdict().faults, f"{way.name}, then {afterwards}"


@contextmanager
def _kept(store: SqlStore) -> Iterator[None]:
    """Puts the log back as it was."""
    _each_table(store, "CREATE TABLE kept_{0} AS SELECT * FROM {0}")
    yield
    _each_table(store, "DELETE FROM {0}", "INSERT INTO {0} SELECT * FROM kept_{0}", "DROP TABLE kept_{0}")


def _each_table(store: SqlStore, *statements: str) -> None:
    with store._engine.begin() as connection:
        for table in ("audit_events", "installation", "alembic_version"):
            for statement in statements:
                connection.execute(text(statement.format(table)))


def test_an_empty_seal_is_named(store: SqlStore) -> None:
    tamper(store, WAYS[8])
    upgrade(store._engine)
    assert any("seal of the log's end is gone" in fault for fault in store.audit_verdict().faults)


def test_the_older_end_with_its_seal_is_found_by_a_note_from_outside_alone(
    store: SqlStore, event: AuditEvent, told: list[AuditHead]
) -> None:
    """From any backup: the count and the seal of when the log was so short. The act itself stays done."""
    with store._engine.begin() as connection:
        earlier = connection.execute(text("SELECT audit_entries, audit_end FROM installation")).one()
    store.record(replace(event, actor="mallory"))
    noted = told[-1]
    assert noted == AuditHead(ENTRIES + 1, audit_entries(store)[-1].hash) == store.audit_head()
    assert AuditLog(store).verify(str(noted)).faults == ()
    with store._engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_events WHERE id > :kept"), {"kept": ENTRIES})
        values = {"count": earlier.audit_entries, "seal": earlier.audit_end}
        connection.execute(text("UPDATE installation SET audit_entries = :count, audit_end = :seal"), values)
    log = AuditLog(store)
    assert log.verify().faults == (), "from inside it looks whole"
    for expected in (str(noted), f"audit log: entry {noted}", f"{noted.number}:{noted.hash[:16]}"):
        assert "is missing" in log.verify(expected).faults[0], expected
    store.record(event)
    assert log.verify().faults == ()
    assert "is not the one that you recorded" in log.verify(str(noted)).faults[0]


def test_what_is_rolled_back_is_not_told(store: SqlStore, event: AuditEvent, told: list[AuditHead]) -> None:
    count = len(told)
    with pytest.raises(StoreNotUsable):
        store.record(replace(event, at=event.at.replace(tzinfo=None)))
    assert len(told) == count == ENTRIES


def test_no_database_becomes_older_than_it_is(store: SqlStore) -> None:
    """Back to the tables of 0002: then ``init`` could take what is there for older than the chain."""
    with store._engine.begin() as connection:
        kept = connection.execute(text("SELECT seal_probe FROM installation")).scalar_one()
        for (table,) in list(_tables(connection)):
            cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
            connection.execute(text(f"DROP TABLE {table}{cascade}"))
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(text("INSERT INTO installation (id, generation, seal_probe) VALUES (1, 9, :p)"), {"p": kept})
        entry = "(1, '2026-01-01', 'mallory was never here', 'site:added', 'main', '{}')"
        connection.execute(text(f"INSERT INTO audit_events (id, at, actor, action, site, facts) VALUES {entry}"))  # noqa: S608
    with pytest.raises(SealBroken, match="seal probe"):  # it is sealed under the installation key, which came later
        upgrade(store._engine)


def _tables(connection: Connection) -> Iterator[tuple[str]]:
    query = (
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        if connection.dialect.name == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    for row in connection.execute(text(query)).all():
        yield (row[0],)
