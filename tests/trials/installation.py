"""The whole installation of a trial: doors, balancers, nodes, databases and a desk, and a mail server at the desk."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import IO, Any

from tests.support.checkout import ROOT
from tests.support.commands import clean_environment
from tests.support.processes import children_of, processes_of
from tests.support.running import eventually
from tests.trials.balancers import Balancer
from tests.trials.clocks import WallClock, clock_library
from tests.trials.database import DatabaseServer, url_of
from tests.trials.doors import address_of
from tests.trials.network import Machine, done, network
from tests.trials.nodes import DOORS_CALL, Desk, Node

_MACHINES = {"doors": 5, "desk": 10, "lb-1": 21, "lb-2": 22, "node-1": 31, "node-2": 32, "db-1": 41, "db-2": 42}
_REPORTED_AGAIN = 7.0  # seconds: a worker reports every five
_KINDS = {("notice", "http"): "notice", ("certificate", "http"): "download", ("notice", "https"): "request"}


@dataclass
class Night:
    """What doors saw in some calls.

    Attributes:
        doors: How many called.
        lost: Those that did not come through, with the reason.
        calls: How often they called together.
    """

    doors: int
    lost: dict[str, str]
    calls: int


class Fleet:
    """The doors, which run in their own namespace. It remembers all that they saw answered."""

    def __init__(self, machine: Machine, count: int, key_file: Path) -> None:
        batch = "".join(f"address add {address_of(door)}/16 dev eth0\n" for door in range(count))
        done("ip", "-n", machine.space, "-batch", "-", stdin=batch)
        self.count = count
        self.answered: Counter[tuple[str, str]] = Counter()
        self.attempts: Counter[str] = Counter()
        self._process = subprocess.Popen(
            machine.command(sys.executable, "-m", "tests.trials.doors", DOORS_CALL, str(key_file)),
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._read()

    def begin(self, first: int, last: int, over: float, patience: float) -> None:
        """Let doors call: see :meth:`end`."""
        order = {"doors": [first, last], "over": over, "patience": patience}
        self._pipe(self._process.stdin).write(json.dumps(order).encode() + b"\n")
        self._pipe(self._process.stdin).flush()

    def end(self) -> Night:
        """Wait until they have."""
        seen = self._read()
        for door, counts in seen["answered"].items():
            for what, count in counts.items():
                self.answered[address_of(int(door)), what] += count
        for door, count in seen["attempts"].items():
            self.attempts[address_of(int(door))] += count
        return Night(len(seen["attempts"]), seen["lost"], sum(seen["attempts"].values()))

    def stop(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            self._pipe(pipe).close()

    def _read(self) -> dict[str, Any]:
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError("the doors' program ended")
        found: dict[str, Any] = json.loads(line)
        return found

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


@dataclass
class Installation:
    """All of it.

    Attributes:
        machines: By name.
        clocks: The same.
        primary: The server that can be written to. A fault may change it.
        standby: The other one.
        releases: The numbers of releases that are ready to be served. Their roots differ.
        mails: The folder in which each mail that arrived is a file.
    """

    machines: dict[str, Machine]
    clocks: dict[str, WallClock]
    desk: Desk
    nodes: list[Node]
    balancers: list[Balancer]
    primary: DatabaseServer
    standby: DatabaseServer
    fleet: Fleet
    releases: list[int]
    mails: Path
    served: int = 1

    @property
    def databases(self) -> tuple[Machine, Machine]:
        """The machines of both servers."""
        return self.primary.machine, self.standby.machine

    def activate_next(self) -> int:
        """Serve another release than now. The generation that workers have to reach."""
        self.served = next(each for each in [*self.releases[self.served :], *self.releases] if each != self.served)
        self.desk.engage("release", "activate", self.served, "--site", "main", "--reason", "trial", "--yes")
        return int(self.primary.ask("SELECT generation FROM installation"))

    def seconds_until_confirmed(self, generation: int, patience: float = 60.0) -> float:
        """How long it takes from now until all workers of all nodes have reported that they serve it."""
        wanted = len(self.nodes) * 2
        alive = "SELECT served ->> 'main', generation FROM workers WHERE listener IN ('http', 'https')"
        alive += " AND seen_at > clock_timestamp() - interval '12 s'"

        def confirmed() -> bool:
            found = self.primary.rows(alive)
            return sum(row[0] == str(self.served) and int(str(row[1])) >= generation for row in found) >= wanted

        begun = time.monotonic()
        eventually(confirmed, f"all workers serve release {self.served}", patience)
        return time.monotonic() - begun

    def set_time(self, moment: datetime, **ahead: timedelta) -> None:
        """Set the clocks of all machines. The operators' instances sleep until the others have reported again.

        Otherwise they would see hosts that were last heard hours ago, and all of them silent.

        Args:
            moment: The time, aware.
            ahead: By how much the clock of a machine is ahead, by its name with ``_`` for ``-``.
        """
        operators = [pid for node in self.nodes for pid in list(children_of(node.program.pid))[2:]]
        sleeping = [each for pid in operators for each in processes_of(pid)]
        for pid in sleeping:
            os.kill(pid, signal.SIGSTOP)
        waits = bool(self.primary.ask("SHOW synchronous_standby_names"))
        self.primary.wait_for_standby(False)  # both ends of the replication take the jump for a silence, and part
        off = moment - datetime.now(UTC)
        for name, clock in self.clocks.items():
            clock.set(off + ahead.get(name.replace("-", "_"), timedelta()))
        time.sleep(_REPORTED_AGAIN)
        if waits:
            eventually(self.primary.has_standby, "the standby follows again")
            self.primary.wait_for_standby(True)
        for pid in sleeping:
            os.kill(pid, signal.SIGCONT)

    def arrived(self, *beginnings: str) -> list[EmailMessage]:
        """The mails whose subject begins in one of these ways, the oldest first."""
        files = [each.read_bytes() for each in sorted(self.mails.iterdir())]
        mails = [message_from_bytes(each, policy=default) for each in files]
        return [each for each in mails if str(each["Subject"]).strip().startswith(beginnings)]  # folded after the colon

    def missing(self) -> int:
        """How many things that doors saw answered are not in the store, and how many are there too often."""
        stored: Counter[tuple[str, str]] = Counter()
        sql = "SELECT address, kind, listener, count(*) FROM sightings WHERE address LIKE '10.79.1%' GROUP BY 1, 2, 3"
        for address, kind, listener, count in self.primary.rows(sql):
            what = _KINDS.get((str(kind), str(listener)))
            if what is not None:
                stored[str(address), what] += int(str(count))
        return sum(max(0, count - stored[each]) for each, count in self.fleet.answered.items() if each[1] in _WHATS)

    def twice(self) -> int:
        """How many sightings are in the store more often than doors called at all."""
        sql = "SELECT address, kind, listener, count(*) FROM sightings WHERE address LIKE '10.79.1%' GROUP BY 1, 2, 3"
        rows = [row for row in self.primary.rows(sql) if (str(row[1]), str(row[2])) in _KINDS]
        # a call may ask by TLS with the old anchor and with the new one
        return sum(max(0, int(str(count)) - 2 * self.fleet.attempts[str(at)]) for at, _, _, count in rows)

    def seconds_until_stored(self, patience: float = 90.0) -> float:
        """How long it takes until all that doors saw answered is in the store."""
        begun = time.monotonic()
        eventually(lambda: not self.missing(), "all sightings are stored", patience)
        return time.monotonic() - begun


_WHATS = frozenset(_KINDS.values())


@contextmanager
def installation(doors: int, *, own_clocks: bool = False, chains: int = 2) -> Iterator[Installation]:
    """Make it, and wait until it serves.

    Args:
        doors: How many.
        own_clocks: Whether the machines get wall clocks that can be set. That needs a compiler.
        chains: How many releases are staged.
    """
    with tempfile.TemporaryDirectory(prefix="trial") as path, network(_MACHINES) as machines:
        folder = Path(path)
        folder.chmod(0o755)
        library = clock_library(folder) if own_clocks else None
        clocks = {name: WallClock(folder / f"clock-{name}", library) for name in machines}
        primary = DatabaseServer(machines["db-1"], folder / "db1", clocks["db-1"])
        standby = DatabaseServer(machines["db-2"], folder / "db2", clocks["db-2"])
        primary.make()
        desk = Desk(machines["desk"], folder / "desk", clocks["desk"], url_of(primary, standby))
        releases = desk.set_up(DOORS_CALL, chains, primary.local_url)
        standby.follow(primary)
        primary.wait_for_standby(True)
        balancers = [
            Balancer(machines["lb-1"], machines["lb-2"], folder / "lb1", 150),
            Balancer(machines["lb-2"], machines["lb-1"], folder / "lb2", 100),
        ]
        behind = [each.machine for each in balancers]
        nodes = [Node(machines[name], folder / name, clocks[name], desk, behind) for name in ("node-1", "node-2")]
        for node in nodes:
            node.begin()
        for node in nodes:
            node.wait_until_ready()
        for balancer in balancers:
            balancer.configure(nodes)
            balancer.start()
        eventually(lambda: balancers[0].has_address(), "a balancer has the address")
        mails = folder / "mails"
        mails.mkdir()
        command = (sys.executable, "-m", "tests.trials.mailbox", machines["desk"].address, str(mails))
        machines["desk"].start(folder / "mail.log", clean_environment(), ROOT, *command)
        fleet = Fleet(machines["doors"], doors, desk.folder / "site.key")
        try:
            yield Installation(machines, clocks, desk, nodes, balancers, primary, standby, fleet, releases, mails)
        finally:
            fleet.stop()
