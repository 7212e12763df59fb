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
