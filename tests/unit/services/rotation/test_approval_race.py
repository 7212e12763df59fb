"""An approval that a gate's look overtakes, on every database: none is lost, whoever read first."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engage_server.errors import Conflict
from engage_server.records import AuditAction, GatePolicy, RotationState, RotationWay
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.databases import SEALER
from tests.support.stored import audit_events
from tests.support.world import World, told_by

_PATIENCE = 30  # seconds: for threads that a fault would let wait forever


class OvertakenStore:
    """A store on which the gate's thread has read, and writes only after the operator's approval is recorded."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._operator = threading.current_thread()
        self.has_read, self.is_recorded, self.has_written = threading.Event(), threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if threading.current_thread() is self._operator:
            return self._recording(found) if name in ("move_rotation", "add_approval") else found
        return self._late(found) if name == "move_rotation" else found

    def _recording(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*arguments: Any, **options: Any) -> Any:
            result = write(*arguments, **options)
            self.is_recorded.set()
            assert self.has_written.wait(_PATIENCE)
            return result

        return recorded

    def _late(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def late(*arguments: Any, **options: Any) -> Any:
            self.has_read.set()
            assert self.is_recorded.wait(_PATIENCE)
            return write(*arguments, **options)

        return late


@pytest.fixture
def asking(world: World, migrated_url: str) -> World:
    """A rotation whose gate is content, and whose next step a person has to approve."""
    world.close()
    world.store = SqlStore(open_engine(migrated_url), SEALER)
    world.open_on(world.store)
    world.add_site()
    world.release()
    for night in range(-7, 0):
        world.see(*(world.finished(device, 1, NOW + timedelta(days=night)) for device in range(4)))
    request = world.request(RotationWay.LINKED_REKEY, policy=GatePolicy(asks=True))
    world.rotations.start(request, world.occasion)
    world.see(*(world.finished(device, 2, NOW + timedelta(days=1)) for device in range(4)))
    return world


def test_a_gate_that_read_before_the_approval_takes_nothing_from_it(asking: World) -> None:
    """Before, the gate's pause wrote its own "not approved" over the approval that the audit log had."""
    store = OvertakenStore(asking.store)
    asking.open_on(store)
    paused: list[str] = []

    def look() -> None:
        try:
            asking.rotations.go_on("main", asking.later(hours=25), paused.append)
        except Conflict:
            paused.append("somebody was faster")
        finally:
            store.has_written.set()

    gate = threading.Thread(target=look)
    gate.start()
    assert store.has_read.wait(_PATIENCE)
    told = told_by(asking.rotations.approve, "main", "all are well", asking.later(hours=25))
    gate.join(_PATIENCE)
    assert paused, "the control: the gate wrote after the approval"
    actions = [event.action for event in audit_events(asking.store)]
    assert AuditAction.ROTATION_APPROVED in actions
    assert "release 3 of main is served (step 2 of 2): an operator approved it" in told[-1]
    assert asking.rotations.all("main")[-1].state is RotationState.RUNNING
