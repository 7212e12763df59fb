"""PostgreSQL on two machines, where the trial itself does what a manager of PostgreSQL does."""

import shutil

from tests.support.running import eventually
from tests.trials.databases.server import PORT, ROLE, Server
from tests.trials.network import Machine, done

_OPTIONS = (
    *("-c", "listen_addresses=*", "-c", "fsync=off", "-c", "wal_level=replica", "-c", "hot_standby=on"),
    *("-c", "max_connections=120", "-c", "wal_keep_size=256MB", "-c", "wal_sender_timeout=3s"),
    *("-c", "wal_receiver_timeout=3s", "-c", "wal_retrieve_retry_interval=500ms"),
)
_EVERYBODY = "host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n"


class ScriptedServer(Server):
    """One of them."""

    def make(self) -> None:
        """Make a cluster, and start it."""
        self._run("initdb", "-D", self._data, "-U", ROLE, "-A", "trust", "-E", "UTF8", "--no-sync")
        with (self._data / "pg_hba.conf").open("a") as file:
            file.write(_EVERYBODY)
        self.start()
        self.ask("CREATE DATABASE engage", database="postgres")

    def follow(self, primary: Server) -> None:
        """Throw away what is here, copy the other's cluster, and follow it."""
        shutil.rmtree(self._data, ignore_errors=True)
        where = ("-h", primary.machine.address, "-p", str(PORT), "-U", ROLE)
        self._run("pg_basebackup", *where, "-D", self._data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        self.start()
        eventually(primary.has_standby, "the standby follows")

    def start(self) -> None:
        """Start the cluster that there is, and wait until it answers."""
        command = (str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self._folder), *_OPTIONS)
        environment = self._environment | self._clock.environment
        self.running = self.machine.start(self._folder / "log", environment, self._folder, *self._as_user(), *command)
        eventually(self.answers, f"PostgreSQL on {self.machine.name}")

    def promote(self) -> None:
        """Make it the primary. It is one when this returns."""
        self.ask("SELECT pg_promote(true, 60)")

    def wait_for_standby(self, wanted: bool) -> None:
        """Say whether a commit waits for the standby. Patroni does this when a standby is lost or comes back."""
        self.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{'*' if wanted else ''}'")
        self.ask("SELECT pg_reload_conf()")

    def _run(self, program: str, *arguments: object) -> None:
        done(*self.machine.command(*self._as_user(), str(self._bin / program), *map(str, arguments)))


class ScriptedPair:
    """Both. Implements :class:`tests.trials.databases.pair.Pair`.

    Attributes:
        leader: See there. A fault may change it.
        standby: The same.
    """

    def __init__(self, leader: ScriptedServer, standby: ScriptedServer) -> None:
        self.leader, self.standby = leader, standby
        self._waits = False

    @property
    def machines(self) -> tuple[Machine, Machine]:
        """Their machines."""
        return self.leader.machine, self.standby.machine

    def make(self) -> None:
        """Make the first one."""
        self.leader.make()

    def make_standby(self) -> None:
        """Make the second one, or make it again."""
        self.standby.follow(self.leader)
        self.leader.wait_for_standby(True)

    def fail_over(self) -> None:
        """As a manager of PostgreSQL does it: the old primary is dead for certain, and then the standby takes over."""
        self.standby.promote()
        self.leader, self.standby = self.standby, self.leader
        self.leader.wait_for_standby(False)

    def before_jump(self) -> None:
        """Let no commit wait."""
        self._waits = bool(self.leader.ask("SHOW synchronous_standby_names"))
        self.leader.wait_for_standby(False)

    def after_jump(self) -> None:
        """Let them wait again."""
        if self._waits:
            eventually(self.leader.has_standby, "the standby follows again")
            self.leader.wait_for_standby(True)
