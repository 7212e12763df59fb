"""Any order of gates' looks and approvals, as the store sees them: no approval is lost, and none passes a step twice.

A gate reads, and writes later. In between, anybody may approve, and another gate may move. The law: in the end each
approval that was accepted is there. No move is made by somebody who had not read all approvals before it. And a step
that needs two persons is taken only after the approval of one who did not start it, or of one who went alone.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.errors import Conflict, Refused
from engage_server.records import (
    Actor,
    ActorKind,
    AuditAction,
    AuditEvent,
    GatePolicy,
    Rotation,
    RotationState,
    RotationWay,
)
from engage_server.services.access.approvals import Candidate, admit, count
from engage_server.services.rotation.gate.decision import Decision, Verdict
from engage_server.services.rotation.second_person import needed, ruled
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.lengths import examples
from tests.support.rows import draft, private_key, site

STEPS = 2
EVENT = AuditEvent(NOW, "tester", AuditAction.ROTATION_APPROVED, "main")
VERDICTS = [Decision(verdict, "because") for verdict in (Verdict.GO_ON, Verdict.ASK, Verdict.WAIT)]

# who acts, what their gate finds (or whose approval it is), and whether they act on what they read before
looks = st.tuples(st.just("look"), st.sampled_from([0, 1]), st.sampled_from(VERDICTS))
moves = st.tuples(st.just("move"), st.sampled_from([0, 1]), st.none())
people = st.tuples(
    st.just("approve"), st.sampled_from(["anna", "anna as root", "bert", "carl as root", "root"]), st.booleans()
)
orders = st.lists(st.one_of(looks, moves, moves, people), min_size=4, max_size=24)


class TwoGates:
    """One rotation, two gates that remember what they read, and people."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.read: dict[object, tuple[Rotation, Decision]] = {}
        self.accepted: set[tuple[int, str]] = set()
        self.reached = 0

    def now(self) -> Rotation:
        return self.store.rotations("main")[0]

    def look(self, gate: object, own: Decision) -> None:
        rotation = self.now()
        self.read[gate] = rotation, ruled(rotation, own, needed(rotation, own, 1))

    def move(self, gate: object) -> None:
        """Write what was decided when it was read."""
        if gate not in self.read:
            return
        rotation, decision = self.read.pop(gate)
        if rotation.step == STEPS:
            return
        present = self.now()
        after = replace(rotation, state=RotationState.HELD, why=decision.why)
        if decision.verdict is Verdict.GO_ON:
            after = replace(rotation, state=RotationState.RUNNING, step=rotation.step + 1, why="")
        try:
            self.store.move_rotation(rotation, after, EVENT)
        except Conflict:
            assert (rotation.state, rotation.step, rotation.approvals) != (
                present.state,
                present.step,
                present.approvals,
            )
            return
        assert rotation.approvals == present.approvals, "it had read all of them"
        if after.step > rotation.step:
            self.reached += 1
            assert count("anna", rotation.approvals_now).is_enough

    def approve(self, name: str, alone: bool) -> None:
        rotation = self.now()
        if rotation.step == STEPS:
            return
        candidate = Candidate(Actor(name, ActorKind.COMMAND_LINE), alone)
        given = rotation.approvals_now
        try:
            approval = admit(candidate, rotation.started_by, given, NOW, "why", rotation.step)
        except Refused:
            assert name != "bert" or count("anna", given).is_enough
            return
        self.store.add_approval(rotation, approval, EVENT, clears_why=True)
        self.accepted.add((approval.step, approval.person))


def two_gates(folder: Path) -> TwoGates:
    store = SqlStore(open_engine(migrated_sqlite(folder / "engage.db")), SEALER)
    store.add_site(site("main"), SITE_KEY, EVENT)
    store.stage_release(draft("main"), private_key(), EVENT)
    way, state, policy = RotationWay.CUT_OVER, RotationState.WAITING, GatePolicy()
    fresh = Rotation(0, "main", way, state, 1, (2, 3), 0, NOW, "", policy, (), NOW, "anna as root")
    store.add_rotation(fresh, EVENT)
    return TwoGates(store)


@given(order=orders)
@settings(max_examples=examples(all=30, quick=10, campaign=300), deadline=None)
def test_no_order_loses_an_approval(order: list[tuple[str, object, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        gates = two_gates(Path(folder))
        try:
            for act, who, what in order:
                if act == "look":
                    assert isinstance(what, Decision)
                    gates.look(who, what)
                elif act == "move":
                    gates.move(who)
                else:
                    gates.approve(str(who), alone=bool(what))
                assert {(each.step, each.person) for each in gates.now().approvals} == gates.accepted
        finally:
            gates.store.close()


def test_the_law_can_be_fulfilled(tmp_path: Path) -> None:
    """The control: an order in which a gate overtakes an approval, and the step is taken all the same."""
    gates = two_gates(tmp_path)
    gates.look(0, VERDICTS[0])
    gates.approve("bert", alone=False)
    gates.move(0)
    assert (gates.now().step, gates.reached) == (0, 0), "it had read before the approval"
    gates.look(1, VERDICTS[1])
    gates.move(1)
    assert (gates.now().step, gates.reached) == (1, 1)
    gates.store.close()
