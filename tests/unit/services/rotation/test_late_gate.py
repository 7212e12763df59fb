"""A process that is frozen between its look at a rotation and its write, on every database: it comes too late."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.errors import Conflict
from engage_server.records import AuditAction, GatePolicy, RotationState, RotationWay
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.checkout import ROOT
from tests.support.databases import SEALER
from tests.support.stored import audit_events
from tests.support.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
def rotating(world: World, migrated_url: str) -> World:
    """A rotation whose first step is done, and whose gate is content after a day."""
    world.close()
    world.store = SqlStore(open_engine(migrated_url), SEALER)
    world.open_on(world.store)
    world.add_site()
    world.release()
    for night in range(-7, 0):
        world.see(*(world.finished(device, 1, NOW + timedelta(days=night)) for device in range(4)))
    world.rotations.start(world.request(RotationWay.LINKED_REKEY, policy=GatePolicy()), world.occasion)
    world.see(*(world.finished(device, 2, NOW + timedelta(days=1)) for device in range(4)))
    return world


def test_a_look_of_before_does_not_undo_a_later_one(rotating: World) -> None:
    """Such as a doubt: with it nothing is judged, and nothing is rolled back."""
    store = rotating.store
    (read,) = store.rotations("main")
    later = replace(read, looked_at=NOW + HOUR, unsure_until=NOW + 9 * HOUR, unsure_why="a machine was off")
    store.note_look(read, later)
    with pytest.raises(Conflict, match="somebody else was faster"):
        store.note_look(read, replace(read, looked_at=NOW + timedelta(minutes=1)))
    assert store.rotations("main") == [later]
    store.note_look(later, replace(later, looked_at=NOW + 2 * HOUR))  # the control: who has read it


def test_a_decision_of_before_is_not_taken_after_a_later_look(rotating: World) -> None:
    store = rotating.store
    (read,) = store.rotations("main")
    store.note_look(read, replace(read, looked_at=NOW + HOUR))
    (event,) = [each for each in audit_events(store) if each.action is AuditAction.ROTATION_ADVANCED][-1:]
    back = replace(read, state=RotationState.ROLLED_BACK, ended_at=NOW)
    with pytest.raises(Conflict, match="somebody else was faster"):
        store.move_rotation(read, back, event, as_looked=True)
    (seen,) = store.rotations("main")
    assert seen.state is RotationState.RUNNING
    store.move_rotation(seen, replace(back, looked_at=seen.looked_at), event, as_looked=True)  # the control


def gate(url: str, folder: Path, name: str, *, is_frozen: bool = False) -> "subprocess.Popen[str]":
    """A gate in its own process, which looks once."""
    own = folder / name
    own.mkdir()
    how = "frozen" if is_frozen else "awake"
    arguments = [sys.executable, "-m", "tests.support.gate_node", url, str(own), (NOW + 25 * HOUR).isoformat(), how]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_of_two_gates_one_takes_the_step_though_the_other_was_frozen(
    rotating: World, migrated_url: str, tmp_path: Path
) -> None:
    """With SIGSTOP between what it read and what it writes. There is one step, and one entry in the audit log."""
    late = gate(migrated_url, tmp_path, "late", is_frozen=True)
    assert late.stdout is not None
    assert late.stdout.readline() == "decided\n"
    assert os.waitid(os.P_PID, late.pid, os.WSTOPPED | os.WNOWAIT), "it is frozen"
    assert rotating.store.rotations("main")[-1].step == 1
    other = gate(migrated_url, tmp_path, "other")
    assert other.communicate(timeout=60)[0] == "went on\n"
    late.send_signal(signal.SIGCONT)
    assert late.communicate(timeout=60)[0] == "too late\n"
    (rotation,) = rotating.store.rotations("main")
    assert (rotation.step, rotation.state) == (2, RotationState.RUNNING)
    advanced = [each for each in audit_events(rotating.store) if each.action is AuditAction.ROTATION_ADVANCED]
    steps = [each.facts["release"] for each in advanced if "release" in each.facts]
    assert steps == ["2", "3"]
