"""What is said of a silent device where links say something of the path to its site."""

from datetime import timedelta

import pytest

from engage_server.records import CutPath, DeviceHistory, PathCut
from engage_server.services.evidence.diagnosis import BEHIND_PATH, Diagnosis, diagnose
from tests.support.chains import NOW
from tests.support.risks import well

HOUR = timedelta(hours=1)
SILENT = well(1, due_at=NOW - HOUR)
USUAL, CUT, BACK = "battery, network, or locked out for good", "is cut since", "was cut until"


def cut(since: float, until: float | None = None) -> CutPath:
    """A path that was cut so many hours ago, and may work again."""
    ended = None if until is None else NOW - until * HOUR
    return CutPath(PathCut(NOW - since * HOUR, ended), "its SIM is suspended (link depot-sim)", "Activate it.")


def diagnosed(device: DeviceHistory, path: CutPath | None) -> Diagnosis:
    found = diagnose(device, NOW, path=path)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (None, USUAL),
        (cut(1), CUT),
        (cut(0.9), USUAL),  # it was silent before
        (cut(2, 0.5), BACK),
        (cut(30, 26), BACK),
        (cut(30, 26.1), USUAL),  # it had its night
        (cut(0.9, 0.5), USUAL),
    ],
)
def test_why_it_is_silent(path: CutPath | None, said: str) -> None:
    found = diagnosed(SILENT, path)
    assert found.code == "silent"
    assert [each for each in (USUAL, CUT, BACK) if each in found.cause] == [said]
    assert (found.case == BEHIND_PATH) is (said != USUAL)
    assert (found.mend == "Activate it.") is (said == CUT)


def test_nothing_but_a_silence_is_put_in_other_words() -> None:
    refusing = well(1, due_at=NOW - HOUR, refusals=2, failure="alert unknown_ca")
    assert diagnosed(refusing, cut(9)) == diagnosed(refusing, None)
    assert diagnose(well(), NOW, path=cut(9)) is None


@pytest.mark.parametrize(
    ("hours", "worked", "is_excused"),
    [
        ((200, 190, 150, 149), 26, False),  # it worked for forty hours since the first one, before the second
        ((200, 190, 165, 1), 26, True),  # for 25, and then for one
        ((200, 190, 165, 0.9), 26, True),
        ((200, 190, 165, 2), 26, False),  # for 25, and then for two
        ((200, 190, 165, 2), 28, True),  # its usual pause is longer
    ],
)
def test_the_hours_in_which_the_path_worked_add_up(
    hours: tuple[float, float, float, float], worked: float, *, is_excused: bool
) -> None:
    """A door is excused only for nights that were cut, however often the path came and went."""
    first, ended, second, ended_again = (NOW - each * HOUR for each in hours)
    path = CutPath(PathCut(second, ended_again), earlier=(PathCut(first, ended),))
    may_be_silent = 2 * worked * HOUR + 12 * HOUR
    due_at = NOW - 195 * HOUR
    assert path.excuses(due_at, due_at - may_be_silent, NOW) is is_excused
