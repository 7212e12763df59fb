"""The stages of a rotation: what is done, what goes on, and what comes next."""

from dataclasses import replace

import pytest

from engage_server.records import GatePolicy, Rotation, RotationState, RotationWay
from engage_server.services.rotation.views.stages import StageMark, stages_of
from tests.support.chains import NOW

DONE, NOW_IT_IS, NEXT, LEFT_OUT = StageMark.DONE, StageMark.NOW, StageMark.NEXT, StageMark.LEFT_OUT
RUNNING = Rotation(
    number=7,
    site="main",
    way=RotationWay.LINKED_REKEY,
    state=RotationState.RUNNING,
    from_release=1,
    releases=(2, 3),
    step=1,
    step_at=NOW,
    folder="",
    policy=GatePolicy(),
    after=(),
    started_at=NOW,
    started_by="ann",
)


def marks(rotation: Rotation) -> list[StageMark]:
    return [each.mark for each in stages_of(rotation)]


@pytest.mark.parametrize(
    ("state", "step", "wanted"),
    [
        (RotationState.WAITING, 0, [DONE, NEXT, NEXT, NEXT]),
        (RotationState.HELD, 0, [DONE, NOW_IT_IS, NEXT, NEXT]),
        (RotationState.RUNNING, 1, [DONE, NOW_IT_IS, NEXT, NEXT]),
        (RotationState.HELD, 1, [DONE, NOW_IT_IS, NEXT, NEXT]),
        (RotationState.RUNNING, 2, [DONE, DONE, NOW_IT_IS, NEXT]),
        (RotationState.DONE, 2, [DONE, DONE, DONE, DONE]),
        (RotationState.ABORTED, 1, [DONE, DONE, LEFT_OUT, DONE]),
        (RotationState.ROLLED_BACK, 2, [DONE, DONE, DONE, DONE]),
        (RotationState.ABORTED, 0, [DONE, LEFT_OUT, LEFT_OUT, DONE]),
    ],
)
def test_each_stage_has_its_mark(state: RotationState, step: int, wanted: list[StageMark]) -> None:
    assert marks(replace(RUNNING, state=state, step=step)) == wanted


def test_the_two_chains_of_a_re_key_are_named() -> None:
    words = [each.words for each in stages_of(RUNNING)]
    assert words[1] == "release 2 is served, and doors come through (the transition chain)"
    assert words[2] == "release 3 is served, and doors come through (the next chain)"
    assert [each.release for each in stages_of(RUNNING)] == [None, 2, 3, None]


def test_before_its_chains_are_built_nobody_knows_their_releases() -> None:
    preparing = replace(RUNNING, state=RotationState.PREPARING, releases=(), step=0)
    assert marks(preparing) == [NOW_IT_IS, NEXT, NEXT]
    assert marks(replace(preparing, state=RotationState.ABORTED)) == [LEFT_OUT, LEFT_OUT, DONE]


def test_a_wave_waits_for_the_sites_before_it() -> None:
    waiting = replace(RUNNING, state=RotationState.WAITING, step=0, after=("north", "south"))
    assert marks(waiting) == [DONE, NOW_IT_IS, NEXT, NEXT, NEXT]
    assert "north, south" in stages_of(waiting)[1].words
    assert marks(replace(waiting, state=RotationState.RUNNING, step=1))[1:3] == [DONE, NOW_IT_IS]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RotationState.ABORTED, "a person ended the rotation"),
        (RotationState.ROLLED_BACK, "release 1 was served again"),
        (RotationState.DONE, "Release 1 can be retired"),
    ],
)
def test_the_last_stage_says_how_it_ended(state: RotationState, words: str) -> None:
    assert words in stages_of(replace(RUNNING, state=state))[-1].words
