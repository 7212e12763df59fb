"""The whole installation of a trial: doors, balancers, nodes, databases and a desk, and a mail server at the desk."""

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.commands import clean_environment
from tests.support.processes import children_of, processes_of
from tests.support.running import eventually
from tests.trials.balancers import Balancer
from tests.trials.clocks import WallClock, clock_library
from tests.trials.databases.etcd import Etcd
from tests.trials.databases.pair import Pair
from tests.trials.databases.patroni import PatroniPair, PatroniServer
from tests.trials.databases.scripted import ScriptedPair, ScriptedServer
from tests.trials.databases.server import Server, url_of
from tests.trials.fleet import Fleet
from tests.trials.network import Machine, network
from tests.trials.nodes import DOORS_CALL, Desk, Node

_MACHINES = {"doors": 5, "desk": 10, "lb-1": 21, "lb-2": 22, "node-1": 31, "node-2": 32, "db-1": 41, "db-2": 42}
_ETCD = {"etcd-1": 51, "etcd-2": 52, "etcd-3": 53}
_REPORTED_AGAIN = 7.0  # seconds: a worker reports every five
_KINDS = {("notice", "http"): "notice", ("certificate", "http"): "download", ("notice", "https"): "request"}


@dataclass
class Installation:
    """All of it.

    Attributes:
        machines: By name.
        clocks: The same.
        databases: Both servers.
        releases: The numbers of releases that are ready to be served. Their roots differ.
        mails: The folder in which each mail that arrived is a file.
        notes: What a fault has to say about itself.
        lost_writes: How many writes a server confirmed that are not there.
    """

    machines: dict[str, Machine]
    clocks: dict[str, WallClock]
    desk: Desk
    nodes: list[Node]
    balancers: list[Balancer]
    databases: Pair
    fleet: Fleet
    releases: list[int]
    mails: Path
    served: int = 1
    notes: list[str] = field(default_factory=list)
    lost_writes: int = 0

    @property
    def primary(self) -> Server:
        """The server that can be written to."""
        return self.databases.leader

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
        self.databases.before_jump()
        off = moment - datetime.now(UTC)
        for name, clock in self.clocks.items():
            clock.set(off + ahead.get(name.replace("-", "_"), timedelta()))
        time.sleep(_REPORTED_AGAIN)
        self.databases.after_jump()
        for pid in sleeping:
            os.kill(pid, signal.SIGCONT)

    def arrived(self, *beginnings: str) -> list[EmailMessage]:
        """The mails whose subject begins in one of these ways, the oldest first."""
        files = [each.read_bytes() for each in sorted(self.mails.iterdir())]
        mails = [message_from_bytes(each, policy=default) for each in files]
        return [each for each in mails if str(each["Subject"]).strip().startswith(beginnings)]  # folded after the colon

    def stored(self) -> Counter[tuple[str, str]]:
        """How often each thing that a door saw answered is in the store, by the door's address and what it is."""
        found: Counter[tuple[str, str]] = Counter()
        sql = "SELECT address, kind, listener, count(*) FROM sightings WHERE address LIKE '10.79.1%' GROUP BY 1, 2, 3"
        for address, kind, listener, count in self.primary.rows(sql):
            what = _KINDS.get((str(kind), str(listener)))
            if what is not None:
                found[str(address), what] += int(str(count))
        return found

    def missing(self) -> int:
        """How many things that doors saw answered are not in the store."""
        stored = self.stored()
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
def installation(
    doors: int, *, own_clocks: bool = False, chains: int = 2, has_patroni: bool = False
) -> Iterator[Installation]:
    """Make it, and wait until it serves.

    Args:
        doors: How many.
        own_clocks: Whether the machines get wall clocks that can be set. That needs a compiler.
        chains: How many releases are staged.
        has_patroni: Whether Patroni decides which database can be written to. Otherwise a fault does.
    """
    with (
        tempfile.TemporaryDirectory(prefix="trial") as path,
        network(_MACHINES | (_ETCD if has_patroni else {})) as machines,
    ):
        folder = Path(path)
        folder.chmod(0o755)
        library = clock_library(folder) if own_clocks else None
        clocks = {name: WallClock(folder / f"clock-{name}", library) for name in machines}
        databases = _databases(machines, folder, clocks, has_patroni=has_patroni)
        databases.make()
        desk = Desk(machines["desk"], folder / "desk", clocks["desk"], url_of(*databases.machines))
        releases = desk.set_up(DOORS_CALL, chains, databases.leader.local_url)
        databases.make_standby()
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
            yield Installation(machines, clocks, desk, nodes, balancers, databases, fleet, releases, mails)
        finally:
            fleet.stop()


def _databases(
    machines: dict[str, Machine], folder: Path, clocks: dict[str, WallClock], *, has_patroni: bool
) -> ScriptedPair | PatroniPair:
    where = [(machines[f"db-{each}"], folder / f"db{each}", clocks[f"db-{each}"]) for each in (1, 2)]
    if not has_patroni:
        return ScriptedPair(ScriptedServer(*where[0]), ScriptedServer(*where[1]))
    etcd = Etcd([machines[name] for name in _ETCD], folder / "etcd")
    return PatroniPair((PatroniServer(*where[0], etcd), PatroniServer(*where[1], etcd)), etcd)
