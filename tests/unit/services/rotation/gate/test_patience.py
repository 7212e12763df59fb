"""The gate behind a cut path, as a table: each row is a situation and what it leads to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engage_server.records import (
    Adoption,
    CutPath,
    Doubt,
    GatePolicy,
    Limit,
    Occasion,
    PathCut,
    Rotation,
    RotationState,
    RotationWay,
)
from engage_server.services.rotation.gate.decision import Decision, Verdict, decide
from engage_server.services.rotation.gate.patience import decide_with_path, noted
from engage_server.services.rotation.gate.soak import begun
from tests.support.chains import NOW

HOUR = timedelta(hours=1)
POLICY = GatePolicy(missing=Limit(9, 9.0), lost=Limit(2, 2.0), soak_hours=0)
ROTATION = Rotation(
    1, "main", RotationWay.LINKED_REKEY, RotationState.RUNNING, 1, (2, 3), 1, NOW, "", POLICY, (), NOW, "me"
)
SOAKING = replace(ROTATION, policy=replace(POLICY, soak_hours=24))
UNSURE = replace(ROTATION, unsure_until=NOW + HOUR, unsure_why="the clock was set")
GO, WAIT, ASK, BACK = Verdict.GO_ON, Verdict.WAIT, Verdict.ASK, Verdict.ROLL_BACK
WHY = "its SIM is suspended (link depot-sim)"


def counts(confirmed: int = 0, silent: int = 0, refused: int = 0, behind: int = 0, moved: int = 0) -> Adoption:
    behind_cut = {"silent": behind} if behind else {}
    return Adoption(
        2,
        NOW,
        devices=confirmed + silent + refused + behind + moved,
        confirmed=confirmed,
        waiting=behind,
        silent=silent,
        refused=refused,
        moved=moved,
        behind_cut=behind_cut,
    )


def cut(since: float, until: float | None = None) -> CutPath:
    """A path that was cut so many hours ago, and may work again."""
    if until is not None:
        return CutPath(PathCut(NOW - since * HOUR, NOW - until * HOUR))
    return CutPath(PathCut(NOW - since * HOUR), WHY, "Mend it.")


@pytest.mark.parametrize(
    ("rotation", "adoption", "path", "verdict", "why", "is_put_off"),
    [
        # it would go back or ask, by silence alone
        (ROTATION, counts(5, behind=40), cut(9), WAIT, "40 doors wait: the path to the site is cut since", True),
        (ROTATION, counts(5, behind=40), cut(9), WAIT, f"UTC, {WHY}", True),
        (ROTATION, counts(5, behind=40), cut(30, 9), WAIT, "the path to the site was cut until", True),
        (ROTATION, counts(9, behind=1), cut(9), WAIT, "1 door waits", True),
        # for two nights
        (ROTATION, counts(5, behind=40), cut(47.9), WAIT, "40 doors wait", True),
        (ROTATION, counts(5, behind=40), cut(48), ASK, "go back until it works, or fix it. Mend it.", True),
        (ROTATION, counts(5, behind=40), cut(60, 9), ASK, "see whether they come, or go back", True),
        (replace(ROTATION, postponed_since=NOW - 47 * HOUR), counts(5, behind=40), cut(9), WAIT, "wait", True),
        (replace(ROTATION, postponed_since=NOW - 48 * HOUR), counts(5, behind=40), cut(9), ASK, "Two nights", True),
        # what it decides without any silence
        (ROTATION, counts(45), cut(9), GO, "45 of 45", False),
        (ROTATION, counts(44, refused=1), cut(9), GO, "44 of 45", False),
        (ROTATION, counts(5, refused=3, behind=40), cut(9), BACK, "3 refused TLS", False),
        (ROTATION, counts(5, silent=3, behind=40), cut(9), BACK, "3 missed the usual calls", False),
        (ROTATION, counts(5, moved=5, behind=10), cut(9), ASK, "5 called from a new address", False),
        # one that may be missing is no reason to wait; more may be missing than may be lost
        (ROTATION, counts(98, behind=2), cut(9), GO, "98 of 100", False),
        (ROTATION, counts(96, behind=4), cut(9), WAIT, "4 doors wait", True),
        # it waits anyway
        (SOAKING, counts(44, behind=1), cut(9), WAIT, "24.0 h to go. Besides, 1 door waits", False),
        (UNSURE, counts(5, behind=40), cut(9), WAIT, "the clock was set", False),
        # nothing is behind it
        (ROTATION, counts(5, silent=40), cut(9), BACK, "40 missed", False),
    ],
)
def test_the_gate_behind_a_cut_path(
    rotation: Rotation, adoption: Adoption, path: CutPath, verdict: Verdict, why: str, is_put_off: bool
) -> None:
    found = decide_with_path(rotation, adoption, path, NOW)
    assert (found.verdict, found.is_put_off) == (verdict, is_put_off), found.why
    assert why in found.why


def test_without_any_cut_it_is_the_usual_gate() -> None:
    adoption = counts(5, silent=40)
    assert decide_with_path(ROTATION, adoption, None, NOW) == decide(ROTATION, adoption, NOW)


def test_the_same_devices_without_the_cut() -> None:
    behind = {"silent": 3, Doubt.SILENT_SHARED.value: 2}
    found = Adoption(2, NOW, devices=9, waiting=6, doubtful={Doubt.SILENT_SHARED: 1}, silent=2, behind_cut=behind)
    expected = Adoption(2, NOW, devices=9, waiting=1, doubtful={Doubt.SILENT_SHARED: 3}, silent=5)
    assert (found.excused, found.without_cut) == (5, expected)


class TestSinceWhen:
    """Since when a decision is put off."""

    PUT_OFF, DECIDED = Decision(WAIT, "", is_put_off=True), Decision(WAIT, "")

    def test_it_begins_and_ends_with_the_decision(self) -> None:
        first = noted(ROTATION, self.PUT_OFF, NOW)
        assert first.postponed_since == NOW
        assert noted(first, self.PUT_OFF, NOW + HOUR) is first
        assert noted(first, self.DECIDED, NOW + HOUR).postponed_since is None
        assert noted(ROTATION, self.DECIDED, NOW) is ROTATION

    def test_a_clock_in_doubt_does_not_end_it(self) -> None:
        first = noted(UNSURE, self.PUT_OFF, NOW)
        assert noted(first, self.DECIDED, NOW) is first

    def test_a_time_ahead_is_not_believed(self) -> None:
        ahead = replace(ROTATION, postponed_since=NOW + HOUR)
        assert noted(ahead, self.PUT_OFF, NOW).postponed_since == NOW

    def test_the_next_release_begins_anew(self) -> None:
        put_off = noted(ROTATION, self.PUT_OFF, NOW)
        assert begun(put_off, Occasion("me", NOW)).postponed_since is None
