"""A database of an earlier version gets its installation key: everything opens, and no fault becomes sound."""

import resource
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from sqlalchemy import text
from sqlalchemy.engine import Engine

from engage_server.errors import SealBroken, StoreNotUsable
from engage_server.records import AuditAction, AuditEvent, Secret
from engage_server.services.installation.audit_log import AuditLog
from engage_server.store import audit_log, schema
from engage_server.store.database.engine import open_engine, writing
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sealing import ReleaseSealer
from engage_server.store.sql_store import SqlStore
from tests.support import earlier
from tests.support.lengths import examples
from tests.support.stored import audit_entries

ENTRIES = examples(all=30_000, quick=5_000, campaign=200_000)
_OTHER = KeyEncryptionKey(Secret(bytes([1]) * 32))


@pytest.fixture
def engine(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """The database of before, on both kinds."""
    engine = earlier.make_on(database_url, tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Engine]:
    """The same on SQLite alone."""
    engine = open_engine(earlier.make_sqlite(tmp_path / "engage.db"))
    yield engine
    engine.dispose()


def test_everything_opens_and_the_log_holds(engine: Engine) -> None:
    done = schema.upgrade(engine, earlier.KEK, reason="version 0.3")
    assert done.first_key is not None
    store = SqlStore(engine, done.sealer)
    assert {name: store.site_key(name) for name in earlier.SITE_KEYS} == earlier.SITE_KEYS
    release = store.release("main", 1)
    key = load_pem_private_key(store.private_key("main", 1).reveal(), None)
    assert key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == release.public_key
    sealed = store.open_sealed_values()
    assert (sealed.count, sealed.broken) == (6, ()), "two probes, two site keys, a private key, a recipient's secret"
    with engine.connect() as connection:
        secret = connection.scalar(text("SELECT secret_sealed FROM alert_recipients"))
        assert done.sealer.open(bytes(secret), "alert recipient office") == earlier.RECIPIENTS_SECRET
    assert store.audit_verdict().faults == ()
    last = audit_entries(store)[-1]
    assert (last.number, last.event.action, last.event.reason) == (
        7,
        AuditAction.INSTALLATION_KEY_MADE,
        "version 0.3",
    )
    new_head = f"6:{audit_entries(store)[5].hash}"
    assert (last.event.facts["old_head"], last.event.facts["new_head"]) == (earlier.HEAD, new_head)
    schema.upgrade(engine, earlier.KEK)
    assert audit_entries(store)[-1] == last, "doing it again changes nothing"
    assert schema.opened_sealer(engine, earlier.KEK).release_key == done.sealer.release_key


def test_notes_of_before_are_answered(old: Engine) -> None:
    """What operators wrote down is no entry's hash any more, but each entry says which hash it had."""
    log = AuditLog(SqlStore(old, schema.upgrade(old, earlier.KEK).sealer))
    for noted in (earlier.HEAD, earlier.NOTED, f"audit log: entry {earlier.NOTED}", earlier.NOTED[:20]):
        assert log.verify(noted).faults == (), noted
    assert "is not the one" in log.verify(earlier.NOTED[:-1] + "0").faults[0]
    earlier.change(old, "UPDATE audit_events SET earlier_hash = '" + "0" * 64 + "' WHERE id = 4")
    assert "entry 4 was changed" in log.verify().faults[0], "it is signed, too"


def test_an_exported_release_key_of_before_is_refused_plainly(old: Engine) -> None:
    done = schema.upgrade(old, earlier.KEK)
    assert done.first_key is not None
    assert done.first_key.exported == ("release.key",)
    with pytest.raises(SealBroken) as caught:
        schema.assert_release_seal(old, ReleaseSealer.from_text(earlier.RELEASE_KEY_TEXT, "release.key"))
    assert "Export it again" in caught.value.next_step
    schema.assert_release_seal(old, done.sealer.releases)


_WAYS = {
    "an entry is changed": ("UPDATE audit_events SET actor = 'mallory' WHERE id = 3",),
    "the last entry is changed": ("UPDATE audit_events SET actor = 'mallory' WHERE id = 6",),
    "one is removed": ("DELETE FROM audit_events WHERE id = 4",),
    "the first is removed": ("DELETE FROM audit_events WHERE id = 1",),
    "the end is removed": ("DELETE FROM audit_events WHERE id > 4",),
    "the end is removed, and the count says so": (
        "DELETE FROM audit_events WHERE id > 4",
        "UPDATE installation SET audit_entries = 4",
    ),
    "all are removed": ("DELETE FROM audit_events", "UPDATE installation SET audit_entries = 0"),
    "two are exchanged": (
        "UPDATE audit_events SET id = 99 WHERE id = 3",
        "UPDATE audit_events SET id = 3 WHERE id = 4",
        "UPDATE audit_events SET id = 4 WHERE id = 99",
    ),
    "one is put in": (
        "INSERT INTO audit_events (id, at, actor, action, site, facts, before, reason, previous, hash) SELECT "
        "7, at, 'mallory', action, site, facts, before, reason, hash, hash FROM audit_events WHERE id = 6",
        "UPDATE installation SET audit_entries = 7",
    ),
    "a hash is emptied": ("UPDATE audit_events SET hash = '' WHERE id = 2",),
    "all hashes are emptied": ("UPDATE audit_events SET hash = '', previous = ''",),
    "the seal is emptied": ("UPDATE installation SET audit_seal = ''",),
    "a time cannot be read": ("UPDATE audit_events SET at = 'noon' WHERE id = 5",),
    "the one row is removed": ("DELETE FROM installation",),
}


@pytest.mark.parametrize("way", _WAYS)
def test_no_fault_becomes_sound(old: Engine, way: str) -> None:
    """The entry of the update does not hide it either, nor do acts after it."""
    earlier.change(old, *_WAYS[way])
    store = SqlStore(old, schema.upgrade(old, earlier.KEK).sealer)
    assert store.audit_verdict().faults
    store.record(AuditEvent(datetime(2026, 11, 27, tzinfo=UTC), "tester", AuditAction.SITE_ADDED))
    assert store.audit_verdict().faults
    assert {name: store.site_key(name) for name in earlier.SITE_KEYS} == earlier.SITE_KEYS


def test_the_faults_are_the_same_ones(old: Engine) -> None:
    earlier.change(old, *_WAYS["an entry is changed"], "DELETE FROM audit_events WHERE id = 5")
    done = schema.upgrade(old, earlier.KEK)
    assert done.first_key is not None
    faults = SqlStore(old, done.sealer).audit_verdict().faults
    assert done.first_key.faults == 3
    assert faults[:2] == (
        "entry 3 was changed: its hash does not match",
        "between entry 4 and entry 6, at least one was removed",
    )
    assert "the log does not end where it ended" in faults[2]


def test_what_is_damaged_is_named_and_stays_as_it_is(engine: Engine) -> None:
    earlier.change(engine, "UPDATE sites SET site_key_sealed = (SELECT secret_sealed FROM alert_recipients) WHERE id=2")
    with engine.connect() as connection:
        before = connection.scalar(text("SELECT site_key_sealed FROM sites WHERE id = 2"))
    done = schema.upgrade(engine, earlier.KEK)
    assert done.first_key is not None
    assert done.first_key.sealed.broken == ("site key of north",)
    store = SqlStore(engine, done.sealer)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT site_key_sealed FROM sites WHERE id = 2")) == before
    assert store.open_sealed_values().broken == ("site key of north",)
    with pytest.raises(SealBroken, match="did not open when 'engage init'"):
        store.site_key("north")
    assert store.site_key("main") == earlier.SITE_KEYS["main"]
    assert audit_entries(store)[-1].event.facts["not_opened"] == "site key of north"


@pytest.mark.parametrize("also", [(), ("DELETE FROM installation",)], ids=["with its probe", "without"])
def test_another_key_changes_nothing(old: Engine, also: tuple[str, ...]) -> None:
    earlier.change(old, *also)
    before = _content(old)
    with pytest.raises(SealBroken, match="another key-encryption key"):
        schema.upgrade(old, _OTHER)
    assert _content(old) == before
    schema.upgrade(old, earlier.KEK)


def test_an_interrupted_one_leaves_what_was(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine.connect() as connection:
        before = connection.execute(text("SELECT id, previous, hash FROM audit_events ORDER BY id")).all()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(audit_log, "seal_end", _interrupt)
        schema.upgrade(engine, earlier.KEK)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id, previous, hash FROM audit_events ORDER BY id")).all() == before
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0024"
    assert SqlStore(engine, schema.upgrade(engine, earlier.KEK).sealer).audit_verdict().faults == ()


def test_a_program_of_before_that_still_runs_cannot_sign_the_log(old: Engine) -> None:
    """Its act would be signed under the key of before, and the log would be faulty for good."""
    earlier_act = text("SELECT audit_entries, audit_seal FROM installation")
    with old.connect() as connection:
        connection.execute(earlier_act)
    schema.upgrade(old, earlier.KEK)
    with pytest.raises(StoreNotUsable, match="audit_seal"), writing(old) as connection:
        connection.execute(earlier_act)


def test_an_installation_key_that_was_removed_is_not_made_again(old: Engine) -> None:
    """A new one would open nothing, and hide the loss."""
    schema.upgrade(old, earlier.KEK)
    earlier.change(old, "DELETE FROM key_wraps")
    for refused in (lambda: schema.upgrade(old, earlier.KEK), lambda: schema.opened_sealer(old, earlier.KEK)):
        with pytest.raises(SealBroken, match="not in the database any more"):
            refused()


def test_a_long_log_takes_little_memory(old: Engine) -> None:
    _lengthen(old, ENTRIES)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sealer = schema.upgrade(old, earlier.KEK).sealer
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown} KiB more for {ENTRIES} entries"
    verdict = SqlStore(old, sealer).audit_verdict()
    assert (verdict.entries, verdict.faults) == (ENTRIES + 1, ())


def _lengthen(engine: Engine, entries: int) -> None:
    """Add entries as the version before signed them."""
    signer = earlier.KEK.earlier_sealer()
    event = AuditEvent(datetime(2026, 11, 27, 9, tzinfo=UTC), "tester", AuditAction.SITE_CHANGED, "main", {"x": "y"})
    row = (
        "INSERT INTO audit_events (id, at, actor, action, site, facts, before, reason, previous, hash) VALUES "
        "(?, '2026-11-27 09:00:00.000000', 'tester', 'site:changed', 'main', '{\"x\": \"y\"}', '{}', '', ?, ?)"
    )
    last, rows = earlier.HEAD.partition(":")[2], []
    for number in range(7, entries + 1):
        new = audit_log.hash_of(number, event, last, signer)
        rows.append((number, last, new))
        last = new
    with engine.begin() as connection:
        connection.exec_driver_sql(row, rows)
        seal = text("UPDATE installation SET audit_entries = :count, audit_seal = :seal")
        connection.execute(seal, {"count": entries, "seal": audit_log._end(entries, last, signer)})


def _content(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        queries = ("SELECT * FROM sites", "SELECT * FROM audit_events", "SELECT * FROM installation")
        return [connection.execute(text(query)).all() for query in queries]


def _interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt
