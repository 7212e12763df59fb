"""What can happen to a node, and to its links."""

import time
from datetime import timedelta

from tests.support.running import eventually
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


def _restart_all_without_database(trial: Installation) -> None:
    """A power failure at a site whose link to the database is cut. Doors have nobody else."""
    now = time.time()  # of this process: the nodes' clocks are set, and the times of files are not
    eventually(lambda: all(each.copied_at > now for each in trial.nodes), "each node has a copy that is right")
    for node in trial.nodes:
        node.machine.deaf_to(*trial.databases.machines)
        node.program.kill()
    for node in trial.nodes:
        node.begin()
    for node in trial.nodes:
        node.wait_until_ready()
        if "from this host's copy" not in node.said:
            raise RuntimeError(f"{node.machine.name} found a database: {node.said}")


def _all_hear(trial: Installation) -> None:
    for node in trial.nodes:
        node.machine.hears_again()


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
ALL_RESTARTED_WITHOUT_DATABASE = Fault(
    "both nodes killed, started without the database", _restart_all_without_database, _all_hear
)
CLOCKS_APART = Fault("clocks of the nodes ten minutes apart", _set_clocks_apart, _set_clocks_right)
