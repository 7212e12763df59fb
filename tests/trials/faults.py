"""What fails in a trial: each is begun, lasts while doors call, and is cured."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tests.trials.balancers import Balancer
from tests.trials.installation import Installation
from tests.trials.network import pause

_PATRONI_SECONDS = 2.0  # until a manager of PostgreSQL notices that a server is gone; usually more


def nothing(_all: Installation) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: What fails, and how.
        begin: Let it fail.
        cure: Put it right again.
        has_database: Whether commands reach the database meanwhile.
    """

    name: str
    begin: Callable[[Installation], None]
    cure: Callable[[Installation], None]
    has_database: bool = True


def _kill_node(trial: Installation) -> None:
    trial.nodes[1].program.kill()


def _start_node(trial: Installation) -> None:
    trial.nodes[1].start()


def _first(trial: Installation) -> Balancer:
    return next((each for each in trial.balancers if each.has_address()), trial.balancers[0])


def _kill_balancer(trial: Installation) -> None:
    balancer = _first(trial)
    balancer.kill()


def _start_balancer(trial: Installation) -> None:
    for each in trial.balancers:
        assert each.haproxy is not None
        if each.haproxy.process.poll() is not None:
            each.start()


def _freeze_balancer(trial: Installation) -> None:
    haproxy = _first(trial).haproxy
    assert haproxy is not None
    haproxy.freeze()


def _thaw_balancers(trial: Installation) -> None:
    for each in trial.balancers:
        assert each.haproxy is not None
        each.haproxy.thaw()


def _fail_over(trial: Installation) -> None:
    """As a manager of PostgreSQL does it: the old primary is dead for certain, and then the standby takes over."""
    trial.primary.program.kill()
    pause(_PATRONI_SECONDS)
    trial.standby.promote()
    trial.primary, trial.standby = trial.standby, trial.primary
    trial.primary.wait_for_standby(False)


def _follow_again(trial: Installation) -> None:
    trial.standby.follow(trial.primary)
    trial.primary.wait_for_standby(True)


def _kill_standby(trial: Installation) -> None:
    trial.standby.program.kill()
    pause(_PATRONI_SECONDS)
    trial.primary.wait_for_standby(False)


def _deafen(trial: Installation) -> None:
    trial.nodes[1].machine.deaf_to(*trial.databases)


def _hear(trial: Installation) -> None:
    trial.nodes[1].machine.hears_again()


def _set_clocks_apart(trial: Installation) -> None:
    now = trial.clocks["desk"].now()
    trial.set_time(now, node_1=timedelta(minutes=5), node_2=timedelta(minutes=-5))


def _set_clocks_right(trial: Installation) -> None:
    trial.set_time(trial.clocks["desk"].now())


NONE = Fault("nothing (the control)", nothing, nothing)
NODE_KILLED = Fault("node killed (-9), started again", _kill_node, _start_node)
NODE_FROZEN = Fault(
    "node frozen", lambda trial: trial.nodes[1].program.freeze(), lambda trial: trial.nodes[1].program.thaw()
)
NODE_UNPLUGGED = Fault(
    "node's cable out",
    lambda trial: trial.nodes[1].machine.link("down"),
    lambda trial: trial.nodes[1].machine.link("up"),
)
NODE_HALF_OPEN = Fault(
    "node and balancers: half-open TCP",
    lambda trial: trial.nodes[1].machine.deaf_to(*(each.machine for each in trial.balancers)),
    _hear,
)
BALANCER_KILLED = Fault("balancer killed (-9)", _kill_balancer, _start_balancer)
BALANCER_FROZEN = Fault("balancer frozen", _freeze_balancer, _thaw_balancers)
PRIMARY_KILLED = Fault("primary killed (-9), standby promoted", _fail_over, _follow_again)
PRIMARY_FROZEN = Fault(
    "primary frozen",
    lambda trial: trial.primary.program.freeze(),
    lambda trial: trial.primary.program.thaw(),
    has_database=False,
)
STANDBY_KILLED = Fault("standby killed (-9)", _kill_standby, _follow_again)
DATABASE_CUT = Fault("node and database: half-open TCP, all night", _deafen, _hear)

CLOCKS_APART = Fault("clocks of the nodes ten minutes apart", _set_clocks_apart, _set_clocks_right)

SHORT = (NONE, NODE_KILLED, DATABASE_CUT, PRIMARY_KILLED)
EACH_PART = (
    NONE,
    NODE_KILLED,
    NODE_FROZEN,
    NODE_UNPLUGGED,
    NODE_HALF_OPEN,
    BALANCER_KILLED,
    BALANCER_FROZEN,
    PRIMARY_KILLED,
    PRIMARY_FROZEN,
    STANDBY_KILLED,
)
