"""What can happen to a node, and to its links."""

from datetime import timedelta

from tests.trials.faults.fault import Fault, nothing
from tests.trials.installation import Installation


def _kill(trial: Installation) -> None:
    trial.nodes[1].program.kill()


def _start(trial: Installation) -> None:
    trial.nodes[1].start()


def _deafen(trial: Installation) -> None:
    trial.nodes[1].machine.deaf_to(*trial.databases.machines)


def _hear(trial: Installation) -> None:
    trial.nodes[1].machine.hears_again()


def _set_clocks_apart(trial: Installation) -> None:
    now = trial.clocks["desk"].now()
    trial.set_time(now, node_1=timedelta(minutes=5), node_2=timedelta(minutes=-5))


def _set_clocks_right(trial: Installation) -> None:
    trial.set_time(trial.clocks["desk"].now())


NONE = Fault("nothing (the control)", nothing, nothing)
NODE_KILLED = Fault("node killed (-9), started again", _kill, _start)
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
DATABASE_CUT = Fault("node and database: half-open TCP, all night", _deafen, _hear)
CLOCKS_APART = Fault("clocks of the nodes ten minutes apart", _set_clocks_apart, _set_clocks_right)
