"""What can happen to the database, where the trial itself promotes the standby."""

from tests.trials.databases.scripted import ScriptedPair
from tests.trials.faults.fault import Fault
from tests.trials.installation import Installation
from tests.trials.network import pause

_NOTICED_SECONDS = 2.0  # until a manager of PostgreSQL notices that a server is gone; usually more


def _pair(trial: Installation) -> ScriptedPair:
    assert isinstance(trial.databases, ScriptedPair)
    return trial.databases


def _fail_over(trial: Installation) -> None:
    _pair(trial).leader.program.kill()
    pause(_NOTICED_SECONDS)
    _pair(trial).fail_over()


def _follow_again(trial: Installation) -> None:
    _pair(trial).make_standby()


def _kill_standby(trial: Installation) -> None:
    _pair(trial).standby.program.kill()
    pause(_NOTICED_SECONDS)
    _pair(trial).leader.wait_for_standby(False)


PRIMARY_KILLED = Fault("primary killed (-9), standby promoted", _fail_over, _follow_again)
PRIMARY_FROZEN = Fault(
    "primary frozen",
    lambda trial: _pair(trial).leader.program.freeze(),
    lambda trial: _pair(trial).leader.program.thaw(),
    has_database=False,
)
STANDBY_KILLED = Fault("standby killed (-9)", _kill_standby, _follow_again)
