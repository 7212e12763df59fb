"""The gate, as a table: each row is a situation and what it leads to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engage_server.records import Adoption, GatePolicy, Limit, Rotation, RotationState, RotationWay
from engage_server.services.gate import Verdict, decide
from tests.chains import NOW

POLICY = GatePolicy(missing=Limit(3, 5.0), lost=Limit(2, 2.0), soak_hours=24)
FIRST = Rotation(
    1, "main", RotationWay.LINKED_REKEY, RotationState.RUNNING, 1, (2, 3), 1, NOW, "", POLICY, (), NOW, "me"
)
LAST = replace(FIRST, step=2)
SOAKED = NOW + timedelta(hours=25)


def counts(confirmed: int = 0, waiting: int = 0, silent: int = 0, looping: int = 0) -> Adoption:
    return Adoption(2, NOW, confirmed + waiting + silent + looping, confirmed, waiting, silent, looping, new=0)


@pytest.mark.parametrize(
    ("rotation", "adoption", "hours", "verdict", "why"),
    [
        (FIRST, counts(100), 25, Verdict.GO_ON, "100 of 100 devices came through"),
        (FIRST, counts(100), 1, Verdict.WAIT, "at least 24 hours"),
        (FIRST, counts(97, 3), 25, Verdict.GO_ON, "97 of 100"),
        (FIRST, counts(96, 4), 25, Verdict.WAIT, "4 are still due, 3 may be missing"),
        (FIRST, counts(19, 1), 25, Verdict.GO_ON, "19 of 20: 5 % are one"),
        (FIRST, counts(18, 2), 25, Verdict.WAIT, "1 may be missing"),
        (FIRST, counts(9, 1), 25, Verdict.WAIT, "0 may be missing"),
        (FIRST, counts(8, 0, 2), 25, Verdict.ASK, "2 are lost"),
        (FIRST, counts(8, 2, 2), 25, Verdict.WAIT, "2 are still due"),
        (FIRST, counts(7, 0, 3), 25, Verdict.ROLL_BACK, "3 of 10 devices are lost (0 loop, 3 have missed"),
        (FIRST, counts(7, 0, 1, 2), 1, Verdict.ROLL_BACK, "2 loop, 1 have"),
        (FIRST, counts(990, 0, 5, 5), 25, Verdict.ASK, "10 are lost: 2 % are twenty"),
        (FIRST, counts(979, 0, 11, 10), 1, Verdict.ROLL_BACK, "the limit is 20"),
        (FIRST, counts(), 25, Verdict.ASK, "nothing that could be proven"),
        (replace(FIRST, approved=True), counts(0, 0, 10), 1, Verdict.GO_ON, "a person"),
        (replace(FIRST, policy=replace(POLICY, asks=True)), counts(10), 25, Verdict.ASK, "yours to approve"),
        (replace(LAST, policy=replace(POLICY, asks=True)), counts(10), 25, Verdict.GO_ON, "10 of 10"),
        (LAST, counts(7, 0, 3), 25, Verdict.ROLL_BACK, "3 of 10"),
        (
            replace(FIRST, policy=replace(POLICY, missing=Limit(0, 0), soak_hours=0)),
            counts(9, 1),
            0,
            Verdict.WAIT,
            "0 may",
        ),
    ],
)
def test_the_table(rotation: Rotation, adoption: Adoption, hours: int, verdict: Verdict, why: str) -> None:
    found = decide(rotation, adoption, NOW + timedelta(hours=hours))
    assert found.verdict is verdict, found.why
    assert why.partition(":")[0] in found.why


def test_limits_are_counts_and_percentages() -> None:
    limit = Limit(3, 2.0)
    assert [limit.smaller(devices) for devices in (10, 50, 100, 1000)] == [0, 1, 2, 3]
    assert [limit.larger(devices) for devices in (10, 50, 100, 1000)] == [3, 3, 3, 20]
