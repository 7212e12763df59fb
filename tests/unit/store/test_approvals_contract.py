"""The contract of the part of ``store.interface`` that holds approvals, on every database."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from engage_server.errors import Conflict
from engage_server.records import (
    Approval,
    AuditEvent,
    GatePolicy,
    Rotation,
    RotationState,
    RotationWay,
    Secret,
)
from engage_server.store import schema
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, OTHER_SITE_KEY, SITE_KEY
from tests.support.databases import SEALER
from tests.support.path_events import at
from tests.support.rows import draft, private_key, site
from tests.support.stored import audit_events

ANNA, BERT = Approval(0, "anna", NOW, "why"), Approval(0, "bert", at(1), "also", is_alone=True)
_ROUNDS = 12


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    yield store
    store.close()


@pytest.fixture
def rotation(store: SqlStore, event: AuditEvent) -> Rotation:
    return opened(store, event)


def opened(store: SqlStore, event: AuditEvent, name: str = "main", key: Secret = SITE_KEY) -> Rotation:
    """A rotation that pauses before its first step."""
    store.add_site(site(name), key, event)
    for label in ("", "second"):
        store.stage_release(draft(name, label), private_key(label), event)
    store.activate_release(name, 1, None, NOW, event)
    held = RotationState.HELD
    fresh = Rotation(
        0, name, RotationWay.CUT_OVER, held, 1, (2,), 0, NOW, "/x", GatePolicy(), (), NOW, "me", None, "wait"
    )
    return store.add_rotation(fresh, event)


def test_they_come_back_as_they_were(store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
    other = opened(store, event, "north", OTHER_SITE_KEY)
    entries = len(audit_events(store))
    for approval in (BERT, ANNA):
        store.add_approval(rotation, approval, event, clears_why=False)
    assert store.rotations("main") == [replace(rotation, approvals=(ANNA, BERT))]
    assert store.rotations("main")[0].why == "wait"
    assert store.rotations("north") == [other], "of one rotation alone"
    assert store.rotations() == [replace(rotation, approvals=(ANNA, BERT)), other]
    assert len(audit_events(store)) == entries + 2


def test_it_may_settle_a_pause(store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
    store.add_approval(rotation, ANNA, event, clears_why=True)
    assert store.rotations("main")[0].why == ""
    assert store.rotations("main")[0].state is RotationState.HELD


def test_once_more_by_the_same_person(store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
    store.add_approval(rotation, BERT, event, clears_why=False)
    again = Approval(0, "bert", at(2), "better")
    store.add_approval(rotation, again, event, clears_why=False)
    assert store.rotations("main")[0].approvals == (replace(again, is_alone=True),), "what was enough stays enough"


def test_none_for_a_step_that_was_taken_or_a_rotation_that_ended(
    store: SqlStore, rotation: Rotation, event: AuditEvent
) -> None:
    running = replace(rotation, state=RotationState.RUNNING, step=1, why="")
    store.move_rotation(rotation, running, event, activate=2)
    entries = len(audit_events(store))
    with pytest.raises(Conflict, match="somebody else was faster"):
        store.add_approval(rotation, ANNA, event, clears_why=True)
    ended = replace(running, state=RotationState.DONE, ended_at=NOW)
    store.move_rotation(running, ended, event)
    with pytest.raises(Conflict):
        store.add_approval(running, replace(ANNA, step=1), event, clears_why=True)
    assert store.rotations("main")[0].approvals == ()
    assert len(audit_events(store)) == entries + 1


def test_a_state_that_changed_takes_none_away(store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
    running = replace(rotation, state=RotationState.WAITING, why="")
    store.move_rotation(rotation, running, event)
    store.add_approval(rotation, ANNA, event, clears_why=True)
    assert store.rotations("main")[0].approvals == (ANNA,)


def test_a_decision_from_before_an_approval_is_refused(store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
    store.add_approval(rotation, ANNA, event, clears_why=True)
    back = replace(rotation, state=RotationState.ROLLED_BACK, ended_at=NOW)
    with pytest.raises(Conflict):
        store.move_rotation(rotation, back, event)
    (read,) = store.rotations("main")
    store.move_rotation(read, back, event)  # the control: who has seen it may decide


def test_a_site_is_removed_with_them(store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
    store.add_approval(rotation, ANNA, event, clears_why=True)
    (read,) = store.rotations("main")
    store.move_rotation(read, replace(read, state=RotationState.ABORTED, ended_at=NOW), event)
    store.add_site(site("north"), OTHER_SITE_KEY, event)
    store.make_default("north", event)
    store.remove_site("main", event)
    assert store.rotations() == []


def test_threads_that_pause_and_approve(store: SqlStore, rotation: Rotation, event: AuditEvent) -> None:
    """Each approval is there in the end, and each pause was decided by somebody who had seen all before it."""
    refused: list[str] = []
    begin = threading.Barrier(3)

    def gate() -> None:
        begin.wait()
        for _ in range(_ROUNDS):
            (read,) = store.rotations("main")
            other = RotationState.WAITING if read.state is RotationState.HELD else RotationState.HELD
            try:
                store.move_rotation(read, replace(read, state=other), event)
            except Conflict as conflict:
                refused.append(str(conflict))

    def people(name: str) -> None:
        begin.wait()
        for number in range(_ROUNDS):
            approval = Approval(0, f"{name}{number}", NOW, "why")
            store.add_approval(rotation, approval, event, clears_why=bool(number % 2))

    threads = [threading.Thread(target=gate), *(threading.Thread(target=people, args=(each,)) for each in "ab")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (found,) = store.rotations("main")
    assert {each.person for each in found.approvals} == {f"{name}{n}" for name in "ab" for n in range(_ROUNDS)}
    assert store.audit_verdict().faults == ()


@pytest.mark.parametrize("is_approved", [True, False])
def test_an_approved_rotation_of_an_earlier_version_stays_approved(database_url: str, is_approved: bool) -> None:
    create_sqlite_file(database_url)
    engine = open_engine(database_url)
    rotation = (
        "INSERT INTO rotations (number, site_id, way, state, from_release, releases, step, step_at, folder, policy, "
        "\"after\", started_at, started_by, ended_at, why, approved) VALUES (:number, 1, 'linked-rekey', 'held', 1, "
        "'[2, 3]', 1, '2026-01-01', '', :policy, '[]', '2026-01-01', 'anna', :ended, '', :approved)"
    )
    entry = (
        "INSERT INTO audit_events (id, at, actor, action, site, facts, reason) VALUES "
        "(:id, '2026-01-02 00:00:00', :actor, 'rotation:approved', 'main', :facts, :reason)"
    )
    policy = '{"missing": {"count": 0, "percent": 0}, "lost": {"count": 2, "percent": 2}, "soak_hours": 1}'
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0013")
        sealed = SEALER.seal(SITE_KEY, "site key of main")
        connection.execute(
            text(
                "INSERT INTO sites (id, name, anchor, is_default, device_networks, site_key_sealed, created_at) "
                "VALUES (1, 'main', 'root', true, '[]', :sealed, '2026-01-01')"
            ),
            {"sealed": sealed},
        )
        for number, ended in ((1, "2026-01-01"), (2, None)):
            values = {"number": number, "ended": ended, "approved": is_approved, "policy": policy}
            connection.execute(text(rotation), values)
        rows = ((1, "carl", "2", "first"), (2, "bert as root", "2", "they are well"), (3, "anna", "1", "another"))
        for number, actor, of, reason in rows:
            facts = f'{{"rotation": "{of}"}}'
            connection.execute(text(entry), {"id": number, "actor": actor, "facts": facts, "reason": reason})
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    store = SqlStore(engine, SEALER)
    over, going_on = store.rotations("main")
    assert over.approvals == ()
    assert [(each.step, each.person, each.reason) for each in going_on.approvals] == (
        [(1, "bert", "they are well")] if is_approved else []
    )
    assert going_on.approved is is_approved
    assert store.site("main").approvals == 0
    store.close()
