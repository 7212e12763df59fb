"""A PostgreSQL server of a trial, as the trial itself asks it: by a socket, so that no cut link is in the way."""

import shutil
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.support.postgresql import programs
from tests.trials.clocks import WallClock
from tests.trials.network import Machine, Running

ROLE = "engage"
PORT = 5432


class Server:
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

    def answers(self) -> bool:
        """Whether it answers."""
        with suppress(psycopg.Error):
            return self.ask("SELECT 1", database="postgres") == "1"
        return False

    def accepts_writes(self) -> bool:
        """Whether it is no standby. False where it does not answer."""
        with suppress(psycopg.Error):
            return self.ask("SELECT NOT pg_is_in_recovery()", database="postgres") == "True"
        return False

    def ask(self, sql: str, database: str = "engage") -> str:
        """The first value that a query gives. "" for none."""
        rows = self.rows(sql, database)
        return str(rows[0][0]) if rows else ""

    def rows(self, sql: str, database: str = "engage") -> list[tuple[object, ...]]:
        """What a query gives."""
        with psycopg.connect(
            host=str(self._folder), port=PORT, user=ROLE, dbname=database, autocommit=True, connect_timeout=5
        ) as connection:
            found = connection.execute(sql.encode())
            return found.fetchall() if found.description else []

    def has_standby(self, state: str = "streaming") -> bool:
        """Whether a standby receives what is written here.

        Args:
            state: Its state, or ``sync``: a commit waits for it.
        """
        column = "sync_state" if state == "sync" else "state"
        with suppress(psycopg.Error):
            return self.ask(f"SELECT count(*) FROM pg_stat_replication WHERE {column} = '{state}'") == "1"  # noqa: S608
        return False

    @property
    def local_url(self) -> str:
        """The database's URL on this machine, by its socket."""
        return f"postgresql+psycopg://{ROLE}@/engage?host={self._folder}"

    @property
    def program(self) -> Running:
        """What runs."""
        assert self.running is not None
        return self.running

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{self._bin}:/usr/bin:/bin", "HOME": str(self._folder), "LC_ALL": "C.UTF-8"}

    def _as_user(self) -> tuple[str, ...]:
        if not self._user:
            return ()
        group = "nogroup" if self._user == "nobody" else str(self._user)
        return ("setpriv", f"--reuid={self._user}", f"--regid={group}", "--clear-groups")


def url_of(*machines: Machine) -> str:
    """The URL of an installation: the server that can be written to is used."""
    hosts = "&".join(f"host={each.address}:{PORT}" for each in machines)
    return f"postgresql+psycopg://{ROLE}@/engage?{hosts}&target_session_attrs=read-write"
