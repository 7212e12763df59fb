"""What devices have and send is sealed in the rows; an update seals what an earlier version stored."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text, update

from engage_server.errors import SealBroken
from engage_server.records import AuditEvent, CallIn, CallInWay
from engage_server.services.backup.secret_trial import SecretTrial
from engage_server.store.database.engine import open_engine
from engage_server.store.interface.shared_files import SharedDraft, SharedReport, UploadKey, UploadLimits
from engage_server.store.keys.sealed_values import open_all
from engage_server.store.sealing import Sealer
from engage_server.store.shared_files.tables import shared_files, shared_reports, shared_uploads
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER, upgrade
from tests.support.rows import site
from tests.support.world import serial_of

ONE, TWO = serial_of(1), serial_of(2)
CARD = b"card 4711 opens the safe"
TABLES = (shared_files, shared_uploads, shared_reports)


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = open_engine(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine, event: AuditEvent) -> SqlStore:
    store = SqlStore(engine, SEALER)
    store.add_site(replace(site("main"), call_in=CallIn(CallInWay.SHARED)), SITE_KEY, event)
    for number, serial in enumerate((ONE, TWO), 1):
        store.put_shared_file("main", serial, SharedDraft("database", f"0x{number:016X}", CARD), None, NOW)
        store.add_shared_upload("main", UploadKey(serial, "audits", "a"), lambda *_: CARD, UploadLimits(999, 999))
        store.put_shared_report("main", SharedReport(serial, "parameters", NOW, "", CARD))
    return store


def contents(store: SqlStore) -> set[bytes | None]:
    report = store.shared_report("main", ONE, "parameters")
    assert report is not None
    found = {store.shared_content("main", each.change) for each in store.shared_heads("main", ONE)}
    return found | {each.content for each in store.shared_uploads_after("main", 0, 9, 999)} | {report.content}


def stored(engine: Engine) -> list[bytes]:
    with engine.connect() as connection:
        return [bytes(row) for table in TABLES for row in connection.scalars(select(table.c.content_sealed))]


def test_no_row_has_them_readable_and_the_key_opens_all(store: SqlStore, engine: Engine) -> None:
    assert contents(store) == {CARD}
    assert not any(b"card" in each for each in stored(engine))
    with engine.connect() as connection:
        opened = open_all(connection, SEALER)
    assert opened.broken == ()
    assert opened.count >= 6


def test_another_key_opens_none(store: SqlStore, engine: Engine) -> None:
    other = SqlStore(engine, Sealer(type(SITE_KEY)(bytes(32))))
    with pytest.raises(SealBroken):
        other.shared_uploads_after("main", 0, 9, 999)
    with pytest.raises(SealBroken, match="key-encryption key"):
        SqlStore(engine, None).shared_report("main", ONE, "parameters")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_content_of_one_device_does_not_open_as_that_of_another(
    store: SqlStore,
    engine: Engine,
    table: type(shared_files),  # type: ignore[valid-type]
) -> None:
    with engine.begin() as connection:
        rows = {row.serial: row.content_sealed for row in connection.execute(select(table))}
        connection.execute(update(table).where(table.c.serial == ONE).values(content_sealed=rows[TWO]))
        assert len(open_all(connection, SEALER).broken) == 1
    trial = SecretTrial(store, None)
    trial.run()
    assert ONE in trial.faults[0], "the drill of a backup names it"
    assert (len(trial.faults), trial.opened["shared files of devices"]) == (1, 5)
    with pytest.raises(SealBroken, match="not sealed for this device"):
        contents(store)


def test_an_update_seals_what_an_earlier_version_stored(store: SqlStore, engine: Engine) -> None:
    digest = store.shared_heads("main", ONE)[0].digest
    with engine.begin() as connection:  # back to 0029
        for table in TABLES:
            connection.execute(text(f"ALTER TABLE {table.name} RENAME COLUMN content_sealed TO content"))
            connection.execute(text(f"UPDATE {table.name} SET content = :plain"), {"plain": CARD})  # noqa: S608
        connection.execute(text("DROP INDEX ix_shared_uploads_stored_at"))
        connection.execute(text("ALTER TABLE shared_uploads DROP COLUMN stored_at"))
        connection.execute(text("ALTER TABLE host_spools DROP COLUMN copy_behind_since"))
        connection.execute(text("DROP TABLE shared_readers"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0029'"))
    upgrade(engine)
    assert contents(store) == {CARD}
    assert store.shared_heads("main", ONE)[0].digest == digest
    assert not any(b"card" in each for each in stored(engine))
    assert store.forget_shared_uploads("main", timedelta(minutes=5), 9) == 0, "their age begins with the update"
