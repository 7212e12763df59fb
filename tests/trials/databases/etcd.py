"""Three members of etcd, each on its own machine. Patroni keeps there who leads."""

import json
from pathlib import Path

from tests.support.commands import clean_environment
from tests.support.running import eventually
from tests.trials.network import Machine, Running

_CLIENTS, _PEERS = 2379, 2380
_HEARTBEAT_MS, _ELECTION_MS = 150, 1500  # these machines share two cores: etcd's own 100 and 1,000 are for a disk each


class Etcd:
    """The members.

    Args:
        machines: Theirs. A majority of them must be alive, or nobody leads.
        folder: For all of them.
    """

    def __init__(self, machines: list[Machine], folder: Path) -> None:
        self._machines, self._folder = machines, folder
        folder.mkdir()
        self.members: list[Running] = []

    @property
    def hosts(self) -> str:
        """Where clients reach them, as Patroni's settings have it."""
        return ",".join(f"{each.address}:{_CLIENTS}" for each in self._machines)

    def start(self) -> None:
        """Start all, and wait until they agree."""
        self.members = [self._started(each) for each in self._machines]
        eventually(lambda: all(map(self._is_well, self._machines)), "etcd has a leader")

    def kill(self, count: int) -> None:
        """Kill so many members, the one that leads first."""
        for each in sorted(zip(self._machines, self.members, strict=True), key=lambda both: not self._leads(both[0]))[
            :count
        ]:
            each[1].kill()

    def start_again(self) -> None:
        """Start those that were killed, with what they have on the disk."""
        for number, each in enumerate(self.members):
            if each.process.poll() is not None:
                self.members[number] = self._started(self._machines[number])

    def _started(self, machine: Machine) -> Running:
        peers = ",".join(f"{each.name}=http://{each.address}:{_PEERS}" for each in self._machines)
        own = f"http://{machine.address}"
        options = {
            "name": machine.name,
            "data-dir": str(self._folder / machine.name),
            "listen-client-urls": f"{own}:{_CLIENTS}",
            "advertise-client-urls": f"{own}:{_CLIENTS}",
            "listen-peer-urls": f"{own}:{_PEERS}",
            "initial-advertise-peer-urls": f"{own}:{_PEERS}",
            "initial-cluster": peers,
            "initial-cluster-token": "trial",
            "heartbeat-interval": str(_HEARTBEAT_MS),
            "election-timeout": str(_ELECTION_MS),
            "logger": "zap",
        }
        command = [f"--{name}={value}" for name, value in options.items()]
        log = self._folder / f"{machine.name}.log"
        return machine.start(log, clean_environment(), self._folder, "etcd", *command)

    def _leads(self, machine: Machine) -> bool:
        found = machine.answer(f"http://{machine.address}:{_CLIENTS}/v3/maintenance/status", "-d", "{}")
        if not found:
            return False
        status = json.loads(found)
        return bool(status["leader"] == status["header"]["member_id"])

    def _is_well(self, machine: Machine) -> bool:
        found = machine.answer(f"http://{machine.address}:{_CLIENTS}/health")
        return '"health":"true"' in found
