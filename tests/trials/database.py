"""PostgreSQL on two machines: one follows the other, and each commit is on both disks before it is confirmed."""

import shutil
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.support.postgresql import programs
from tests.support.running import eventually
from tests.trials.clocks import WallClock
from tests.trials.network import Machine, Running, done

_ROLE = "engage"
_PORT = 5432
_OPTIONS = (
    *("-c", "listen_addresses=*", "-c", "fsync=off", "-c", "wal_level=replica", "-c", "hot_standby=on"),
    *("-c", "max_connections=120", "-c", "wal_keep_size=256MB", "-c", "wal_sender_timeout=3s"),
    *("-c", "wal_receiver_timeout=3s", "-c", "wal_retrieve_retry_interval=500ms"),
)
_EVERYBODY = "host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n"


class DatabaseServer:
    """PostgreSQL on one machine. It listens on TCP for others, and on a socket for the trial itself.

    Args:
        machine: Where it runs.
        folder: A short path, since it holds a socket.
        clock: The machine's clock.
    """

    def __init__(self, machine: Machine, folder: Path, clock: WallClock) -> None:
        self.machine, self._folder, self._clock = machine, folder, clock
        self._bin, self._user = programs()
        folder.mkdir(mode=0o755)
        if self._user:
            shutil.chown(folder, self._user)
        self.running: Running | None = None

    def make(self) -> None:
        """Make a cluster, and start it."""
        self._run("initdb", "-D", self._data, "-U", _ROLE, "-A", "trust", "-E", "UTF8", "--no-sync")
        with (self._data / "pg_hba.conf").open("a") as file:
            file.write(_EVERYBODY)
        self.start()
        self.ask("CREATE DATABASE engage", database="postgres")

    def follow(self, primary: "DatabaseServer") -> None:
        """Throw away what is here, copy the other's cluster, and follow it."""
        shutil.rmtree(self._data, ignore_errors=True)
        where = ("-h", primary.machine.address, "-p", str(_PORT), "-U", _ROLE)
        self._run("pg_basebackup", *where, "-D", self._data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        self.start()
        eventually(primary.has_standby, "the standby follows")

    def start(self) -> None:
        """Start the cluster that there is, and wait until it answers."""
        command = (str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self._folder), *_OPTIONS)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self._folder),
            "LC_ALL": "C.UTF-8",
            **self._clock.environment,
        }
        self.running = self.machine.start(self._folder / "log", environment, self._folder, *self._as_user(), *command)
        eventually(self.answers, f"PostgreSQL on {self.machine.name}")

    def answers(self) -> bool:
        """Whether it answers."""
        with suppress(psycopg.Error):
            return self.ask("SELECT 1", database="postgres") == "1"
        return False

    def ask(self, sql: str, database: str = "engage") -> str:
        """The first value that a query gives. "" for none."""
        rows = self.rows(sql, database)
        return str(rows[0][0]) if rows else ""

    def rows(self, sql: str, database: str = "engage") -> list[tuple[object, ...]]:
        """What a query gives."""
        with psycopg.connect(
            host=str(self._folder), port=_PORT, user=_ROLE, dbname=database, autocommit=True, connect_timeout=5
        ) as connection:
            found = connection.execute(sql.encode())
            return found.fetchall() if found.description else []

    def has_standby(self) -> bool:
        """Whether a standby receives what is written here."""
        return self.ask("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1"

    def promote(self) -> None:
        """Make it the primary. It is one when this returns."""
        self.ask("SELECT pg_promote(true, 60)")

    def wait_for_standby(self, wanted: bool) -> None:
        """Say whether a commit waits for the standby. Patroni does this when a standby is lost or comes back."""
        self.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{'*' if wanted else ''}'")
        self.ask("SELECT pg_reload_conf()")

    @property
    def local_url(self) -> str:
        """The database's URL on this machine, by its socket."""
        return f"postgresql+psycopg://{_ROLE}@/engage?host={self._folder}"

    @property
    def program(self) -> Running:
        """What runs."""
        assert self.running is not None
        return self.running

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _as_user(self) -> tuple[str, ...]:
        return ("setpriv", f"--reuid={self._user}", f"--regid={self._group()}", "--clear-groups") if self._user else ()

    def _group(self) -> str:
        return "nogroup" if self._user == "nobody" else str(self._user)

    def _run(self, program: str, *arguments: object) -> None:
        done(*self.machine.command(*self._as_user(), str(self._bin / program), *map(str, arguments)))


def url_of(*servers: DatabaseServer) -> str:
    """The URL of an installation: the server that can be written to is used."""
    hosts = "&".join(f"host={each.machine.address}:{_PORT}" for each in servers)
    return f"postgresql+psycopg://{_ROLE}@/engage?{hosts}&target_session_attrs=read-write"
