"""What can happen to a balancer, and to its links."""

from tests.support.running import eventually
from tests.trials.balancers import Balancer
from tests.trials.faults.fault import Fault
from tests.trials.installation import Installation


def _first(trial: Installation) -> Balancer:
    """The one that has the address. The other one, if it has."""
    return next((each for each in trial.balancers if each.has_address()), trial.balancers[0])


def _kill(trial: Installation) -> None:
    _first(trial).kill()


def _start(trial: Installation) -> None:
    for each in trial.balancers:
        assert each.haproxy is not None
        if each.haproxy.process.poll() is not None:
            each.start()


def _freeze(trial: Installation) -> None:
    haproxy = _first(trial).haproxy
    assert haproxy is not None
    haproxy.freeze()


def _thaw(trial: Installation) -> None:
    for each in trial.balancers:
        assert each.haproxy is not None
        each.haproxy.thaw()


def _cut_from_node(trial: Installation) -> None:
    """One node: the balancer has another one. It is the balancer that has the address."""
    trial.nodes[1].machine.deaf_to(_first(trial).machine)


def _join_node(trial: Installation) -> None:
    trial.nodes[1].machine.hears_again()


def _split(trial: Installation) -> None:
    """Neither hears the other, and both take the address. Doors reach the one that spoke last on the switch."""
    first, second = trial.balancers
    first.machine.deaf_to(second.machine)
    eventually(lambda: first.has_address() and second.has_address(), "both balancers have the address")
    trial.notes.append("both balancers had the address")


def _unite(trial: Installation) -> None:
    first, second = trial.balancers
    first.machine.hears_again()
    eventually(lambda: first.has_address() != second.has_address(), "one balancer has the address")


BALANCER_KILLED = Fault("balancer killed (-9)", _kill, _start)
BALANCER_FROZEN = Fault("balancer frozen", _freeze, _thaw)
BALANCER_AND_NODE = Fault("a balancer and a node: half-open TCP", _cut_from_node, _join_node)
BALANCERS_APART = Fault("between the balancers: both have the address", _split, _unite)
