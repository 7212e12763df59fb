"""Two nodes behind two balancers, on a PostgreSQL server with a standby: parts fail, and nothing is lost."""

import shutil

import pytest

from tests.support.site_network import why_not
from tests.trials.faults.nights import SHORT
from tests.trials.installation import installation
from tests.trials.trial import let_fail, parts

_DOORS = 16
_OVER = 2.0  # seconds


@pytest.mark.long(
    "test_following.py for one node, test_proxy_protocol.py for a balancer; scripts/trial-nodes has all faults"
)
def test_no_part_that_fails_loses_a_door_or_a_sighting() -> None:
    if why := why_not():
        pytest.skip(why)
    if missing := [each for each in ("haproxy", "keepalived", "setpriv") if shutil.which(each) is None]:
        pytest.skip(f"not installed: {' and '.join(missing)}")
    with installation(_DOORS) as trial:
        for fault, doors in parts(_DOORS, SHORT):
            row = let_fail(trial, fault, doors, _OVER)
            assert row.doors == _DOORS // len(SHORT)
            assert (row.lost, row.missing, row.twice) == ({}, 0, 0), fault.name
        assert sorted(trial.desk.status()["silent_hosts"]) == []
        # the control: what a door saw and the store lacks is missed, and what nobody asked for is too much
        door = next(iter(trial.fleet.answered))
        trial.fleet.answered[door] += 1
        trial.fleet.attempts.clear()
        assert trial.missing() == 1
        assert trial.twice() > 0
