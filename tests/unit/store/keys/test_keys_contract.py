"""The contract of ``store.interface.keys``, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from engage_server.errors import Conflict, NotFound, SealBroken
from engage_server.records import AuditAction, AuditEvent, KeyHolder, KeyRotation, Secret, WorkerStatus
from engage_server.store import schema
from engage_server.store.database.engine import open_engine
from engage_server.store.interface import KeyStore
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import KEK, SEALER
from tests.support.rows import site
from tests.support.stored import audit_events

NEW = KeyEncryptionKey(Secret(bytes([2]) * 32))
THIRD = KeyEncryptionKey(Secret(bytes([3]) * 32))
ROTATION = KeyRotation(KEK.key_id, NEW.key_id, NOW, "tester")
BEGUN = AuditEvent(NOW, "tester", AuditAction.KEY_ROTATION_BEGUN)
ENDED = AuditEvent(NOW, "tester", AuditAction.KEY_ROTATION_ENDED)
GATE_1 = KeyHolder("gate-1", "/srv/data", KEK.key_id, "file /srv/engage.kek")


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    yield store
    store.close()


def opens(store: SqlStore, key: KeyEncryptionKey) -> bool:
    try:
        schema.opened_sealer(store._engine, key)
    except SealBroken:
        return False
    return True


def test_both_keys_open_until_it_is_decided(store: SqlStore) -> None:
    as_interface: KeyStore = store
    store.add_site(site("main"), SITE_KEY, BEGUN)
    as_interface.begin_key_rotation(ROTATION, NEW, BEGUN)
    assert as_interface.key_rotation() == ROTATION
    assert {each.key_id for each in as_interface.accepted_keys()} == {KEK.key_id, NEW.key_id}
    assert (opens(store, KEK), opens(store, NEW), opens(store, THIRD)) == (True, True, False)
    as_interface.decide_key_rotation(NEW, (), ENDED)
    assert (opens(store, KEK), opens(store, NEW)) == (False, True)
    assert as_interface.key_rotation() == replace(ROTATION, is_decided=True)
    as_interface.close_key_rotation()
    assert as_interface.key_rotation() is None
    assert SqlStore(store._engine, schema.opened_sealer(store._engine, NEW)).site_key("main") == SITE_KEY
    assert [each.action for each in audit_events(store)][1:] == [BEGUN.action, ENDED.action]
    assert store.audit_verdict().faults == ()


def test_closing_is_for_what_is_decided(store: SqlStore) -> None:
    store.begin_key_rotation(ROTATION, NEW, BEGUN)
    store.close_key_rotation()
    assert store.key_rotation() == ROTATION


def test_one_at_a_time(store: SqlStore) -> None:
    store.begin_key_rotation(ROTATION, NEW, BEGUN)
    with pytest.raises(Conflict, match="has begun meanwhile"):
        store.begin_key_rotation(replace(ROTATION, new=THIRD.key_id), THIRD, BEGUN)
    with pytest.raises(Conflict, match="is over"):
        store.decide_key_rotation(THIRD, (), ENDED)
    assert not opens(store, THIRD)


def test_the_key_in_force_is_no_new_one(store: SqlStore) -> None:
    with pytest.raises(Conflict, match="the one in force"):
        store.begin_key_rotation(replace(ROTATION, new=KEK.key_id), KEK, BEGUN)
    assert store.key_rotation() is None


def test_nothing_is_decided_before_everybody_has_confirmed(store: SqlStore) -> None:
    store.report_key(GATE_1)
    gate_2 = replace(GATE_1, host="gate-2")
    store.report_key(gate_2)
    store.begin_key_rotation(ROTATION, NEW, BEGUN)
    store.report_key(replace(GATE_1, key_id=NEW.key_id))
    store.report_key(replace(gate_2, key_id=NEW.key_id, trouble="it does not open"))
    with pytest.raises(Conflict, match=r"gate-2 \(/srv/data\) has not confirmed"):
        store.decide_key_rotation(NEW, (), ENDED)
    with pytest.raises(NotFound, match="gate-9"):
        store.decide_key_rotation(NEW, ("gate-2", "gate-9"), ENDED)
    assert len(store.key_holders()) == 2, "all of it or nothing"
    assert opens(store, KEK)
    store.decide_key_rotation(NEW, ("gate-2",), ENDED)
    assert [each.host for each in store.key_holders()] == ["gate-1"]
    assert not opens(store, KEK)


def test_a_new_key_that_does_not_open_is_not_left_alone(store: SqlStore) -> None:
    store.begin_key_rotation(ROTATION, NEW, BEGUN)
    with store._engine.begin() as connection:
        other = connection.scalar(text("SELECT wrapped FROM key_wraps WHERE key_id = :id"), {"id": KEK.key_id})
        changed = {"id": NEW.key_id, "wrapped": other}
        connection.execute(text("UPDATE key_wraps SET wrapped = :wrapped WHERE key_id = :id"), changed)
    with pytest.raises(SealBroken):
        store.decide_key_rotation(NEW, (), ENDED)
    assert opens(store, KEK)


def test_giving_up(store: SqlStore) -> None:
    aborted = AuditEvent(NOW, "tester", AuditAction.KEY_ROTATION_ABORTED)
    with pytest.raises(Conflict, match="no change"):
        store.abort_key_rotation(aborted)
    store.begin_key_rotation(ROTATION, NEW, BEGUN)
    store.report_key(replace(GATE_1, key_id=NEW.key_id))
    with pytest.raises(Conflict, match="has the new key already"):
        store.abort_key_rotation(aborted)
    store.report_key(GATE_1)
    store.abort_key_rotation(aborted)
    assert (opens(store, KEK), opens(store, NEW), store.key_rotation()) == (True, False, None)


def test_holders_are_alive_while_they_report(store: SqlStore) -> None:
    store.report_key(GATE_1)
    (first,) = store.key_holders()
    assert first.is_alive
    store.report_key(GATE_1, is_new=False)
    (again,) = store.key_holders()
    assert again.read_at == first.read_at, "it has not read its source again"
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE key_holders SET seen_at = '2026-01-01 00:00:00'"))
    (silent,) = store.key_holders()
    assert not silent.is_alive
    assert ROTATION.missing([silent]) == (silent,), "a host that is silent has its key nevertheless"


def test_a_host_that_is_forgotten_is_not_waited_for(store: SqlStore) -> None:
    store.report_key(GATE_1)
    store.report_key(replace(GATE_1, host="gate-2"))
    store.heartbeat(WorkerStatus("operators 1 on gate-2", "gate-2", 1, "operators", 1, {}, {}))
    store.forget_host("gate-2", timedelta(seconds=-1), AuditEvent(NOW, "tester", AuditAction.HOST_FORGOTTEN))
    assert [each.host for each in store.key_holders()] == ["gate-1"]
    store.remove_key_holder("gate-1", "/elsewhere")
    assert len(store.key_holders()) == 1
    store.remove_key_holder("gate-1", "/srv/data")
    assert store.key_holders() == []


def test_a_process_without_the_installation_key_changes_no_key(store: SqlStore) -> None:
    without = SqlStore(store._engine, None)
    for refused in (
        lambda: without.begin_key_rotation(ROTATION, NEW, BEGUN),
        without.open_sealed_values,
    ):
        with pytest.raises(SealBroken, match="without the key-encryption key"):
            refused()
    without.report_key(GATE_1)
    assert store.key_rotation() is None


def test_a_wrap_of_another_installation_is_found(store: SqlStore) -> None:
    """Whoever can write the database puts in a key of their own, wrapped by theirs."""
    theirs = THIRD.wrap(Secret(bytes([9]) * 32))
    with store._engine.begin() as connection:
        statement = text("INSERT INTO key_wraps VALUES (:id, :wrapped, '2026-01-01')")
        connection.execute(statement, {"id": THIRD.key_id, "wrapped": theirs})
    assert not opens(store, THIRD)
    assert opens(store, KEK), "the control"
