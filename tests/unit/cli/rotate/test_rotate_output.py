"""How a rotation is shown: what is served now, and whether it could roll back by itself."""

from dataclasses import replace

import pytest

from engage_server.cli.rotate.rotate_output import print_progress
from engage_server.records import Adoption, CutPath, GatePolicy, Limit, PathCut, Rotation, RotationState, RotationWay
from engage_server.services.rotation.gate.decision import Decision, Verdict
from engage_server.services.rotation.progress import RotationProgress
from tests.support.chains import NOW

_ROTATION = Rotation(
    1, "main", RotationWay.LINKED_REKEY, RotationState.RUNNING, 2, (3, 4), 1, NOW, "", GatePolicy(), (), NOW, "anna"
)
_ADOPTION = Adoption(3, NOW, devices=2, confirmed=1)


def shown(capsys: pytest.CaptureFixture[str], rotation: Rotation, adoption: Adoption) -> str:
    """What is printed."""
    print_progress(RotationProgress(rotation, adoption, None))
    return capsys.readouterr().out


def test_a_cut_path_is_told_though_all_doors_came(capsys: pytest.CaptureFixture[str]) -> None:
    """The next step brings them back only if the path works."""
    adoption = replace(_ADOPTION, confirmed=2)
    for cut, is_told in ((PathCut(NOW), True), (PathCut(NOW, NOW), False)):
        path = CutPath(cut, "its SIM is suspended (link depot-sim)", "Activate it: engage sim set")
        print_progress(RotationProgress(_ROTATION, adoption, Decision(Verdict.WAIT, "2 of 2 came"), path=path))
        text = " ".join(capsys.readouterr().out.split())
        since = f"path: the path to the site is cut since {NOW:%Y-%m-%d %H:%M} UTC, its SIM is suspended"
        assert (since in text) is is_told
    said = RotationProgress(_ROTATION, adoption, Decision(Verdict.WAIT, f"2 doors wait, {path.why}"), path=path)
    assert said.path_sentence == "", "once is enough"


def test_the_release_that_is_served_has_a_legend(capsys: pytest.CaptureFixture[str]) -> None:
    assert "releases 2 -> [3] -> 4   [3] is served now" in shown(capsys, _ROTATION, _ADOPTION)
    ended = replace(_ROTATION, state=RotationState.DONE)
    assert "is served now" not in shown(capsys, ended, _ADOPTION)


@pytest.mark.parametrize(
    ("devices", "allowed", "word"),
    [(2, 2, "more than 2 lost devices"), (1, 1, "more than 1 lost device"), (3, 2, ""), (0, 2, "")],
)
def test_a_site_smaller_than_the_limit_never_rolls_back_by_itself(
    capsys: pytest.CaptureFixture[str], devices: int, allowed: int, word: str
) -> None:
    rotation = replace(_ROTATION, policy=GatePolicy(lost=Limit(allowed, 2.0)))
    text = shown(capsys, rotation, replace(_ADOPTION, devices=devices))
    assert ("never rolls back by itself" in text) is bool(word)
    assert word in text


def test_signs_of_the_bar_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, _ROTATION, _ADOPTION)
    assert "1 of 2 came through (=), 0 still due (.)" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\n      0 new\n" in text, "a count stays beside its word"
    assert "none counts yet" in shown(capsys, _ROTATION, replace(_ADOPTION, devices=0, confirmed=0))


@pytest.mark.parametrize(("late", "words"), [(0, ""), (1, "1 is late, and may come"), (40, "40 are late, and may")])
def test_doors_behind_a_cut_path_are_told(capsys: pytest.CaptureFixture[str], late: int, words: str) -> None:
    adoption = replace(_ADOPTION, devices=41, waiting=40, behind_cut={"silent": late} if late else {})
    text = shown(capsys, _ROTATION, adoption)
    assert words in text
    assert ("the path to the site is or was cut" in text) is bool(late)
