"""PostgreSQL on two machines under Patroni, which decides by itself which of them can be written to."""

import json
import os
import time
from pathlib import Path

import yaml

from tests.support.running import eventually
from tests.trials.clocks import WallClock
from tests.trials.databases.etcd import Etcd
from tests.trials.databases.probes import Probes
from tests.trials.databases.server import PORT, ROLE, Server
from tests.trials.network import Machine

PROGRAM = os.environ.get("PATRONI", "/usr/bin/patroni")
"""Debian's. Another one must be such that PostgreSQL's user can run it, with its Python."""
_REST = 8008
_TTL, _LOOP, _RETRY = 20, 2, 9
"""Seconds. Patroni's own are 30, 10 and 10. A leader that died is replaced when its entry in etcd is as old as the
first of them. Patroni takes no less than 20. The last one must be longer than etcd takes to elect a leader: otherwise
the loss of one member makes PostgreSQL read-only for some seconds."""

_FROM_OUTSIDE = ("host all all 0.0.0.0/0", "host replication all 0.0.0.0/0")
_EVERYBODY = [f"{way} trust" for way in ("local all all", "local replication all", *_FROM_OUTSIDE)]
_PARAMETERS = {
    "fsync": "off",
    "max_connections": 120,
    "wal_keep_size": "256MB",
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
    "wal_retrieve_retry_interval": "500ms",
}
_CONFIGURATION = {
    "ttl": _TTL,
    "loop_wait": _LOOP,
    "retry_timeout": _RETRY,
    "maximum_lag_on_failover": 64 << 20,
    "synchronous_mode": True,
    "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": _PARAMETERS},
}
_WRAPPER = '#!/bin/sh\n{clock}exec {program} "$@"\n'


class PatroniServer(Server):
    """One of them.

    Args:
        machine: Where both programs run.
        folder: A short path, since it holds a socket.
        clock: The clock of PostgreSQL. Patroni and etcd have the real one.
        etcd: Where Patroni keeps who leads.
    """

    def __init__(self, machine: Machine, folder: Path, clock: WallClock, etcd: Etcd) -> None:
        super().__init__(machine, folder, clock)
        self._settings = folder / "patroni.yml"
        self._settings.write_text(yaml.safe_dump(self._configuration(etcd)))
        self.is_frozen = False

    def start(self) -> None:
        """Start Patroni, which starts PostgreSQL."""
        command = (PROGRAM, str(self._settings))
        self.running = self.machine.start(
            self._folder / "log", self._environment, self._folder, *self._as_user(), *command
        )

    def kill(self) -> None:
        """SIGKILL for all that runs on its machine. PostgreSQL is nobody's child there: Patroni lets go of it."""
        self.machine.signal_all("STOP")
        self.machine.signal_all("KILL")
        self.program.process.wait()

    def freeze(self) -> None:
        """SIGSTOP for all of it, as when a virtual machine is paused."""
        self.is_frozen = True
        self.machine.signal_all("STOP")

    def thaw(self) -> None:
        """Let it go on."""
        self.machine.signal_all("CONT")
        self.is_frozen = False

    def configure(self, **changes: object) -> None:
        """Change Patroni's configuration of both servers."""
        url = f"http://{self.machine.address}:{_REST}/config"
        self.machine.done("curl", "-sf", "-X", "PATCH", "-d", json.dumps(changes), url)

    def may_be_replaced(self) -> bool:
        """Whether Patroni would promote a standby in its place, because that has all that was confirmed."""
        return '"sync_standby"' in self.machine.answer(f"http://{self.machine.address}:{_REST}/cluster")

    def says(self) -> str:
        """What Patroni's log has."""
        return self.program.said

    def _configuration(self, etcd: Etcd) -> dict[str, object]:
        address, authentication = self.machine.address, {"username": ROLE}
        return {
            "scope": "trial",
            "name": self.machine.name,
            "restapi": {"listen": f"{address}:{_REST}", "connect_address": f"{address}:{_REST}"},
            "etcd3": {"hosts": etcd.hosts},
            "bootstrap": {"dcs": _CONFIGURATION, "initdb": [{"encoding": "UTF8"}, {"auth": "trust"}, "no-sync"]},
            "postgresql": {
                "listen": f"{address}:{PORT}",
                "connect_address": f"{address}:{PORT}",
                "data_dir": str(self._data),
                "bin_dir": str(self._programs()),
                "pgpass": str(self._folder / "pgpass"),
                "basebackup": [{"checkpoint": "fast"}, "no-sync"],
                "use_unix_socket": True,
                "use_unix_socket_repl": True,
                "authentication": {
                    "superuser": authentication,
                    "replication": authentication,
                    "rewind": authentication,
                },
                "parameters": {"unix_socket_directories": str(self._folder)},
                "pg_hba": _EVERYBODY,
            },
        }

    def _programs(self) -> Path:
        """A folder with PostgreSQL's programs, where ``postgres`` has its machine's clock."""
        folder = self._folder / "bin"
        folder.mkdir()
        for program in self._bin.iterdir():
            (folder / program.name).symlink_to(program)
        (folder / "postgres").unlink()
        clock = "".join(f"export {name}={value}\n" for name, value in self._clock.environment.items())
        (folder / "postgres").write_text(_WRAPPER.format(clock=clock, program=self._bin / "postgres"))
        (folder / "postgres").chmod(0o755)
        return folder


class PatroniPair:
    """Both. Implements :class:`tests.trials.databases.pair.Pair`.

    Attributes:
        servers: Both, in no order.
        etcd: What they agree by.
        is_synchronous: Whether a commit waits for the standby, where there is one.
    """

    def __init__(self, servers: tuple[PatroniServer, PatroniServer], etcd: Etcd) -> None:
        self.servers, self.etcd = servers, etcd
        self.is_synchronous = True
        self._led = servers[0]

    @property
    def leader(self) -> PatroniServer:
        """The server that can be written to: the one that was it last, if it still is."""
        self.until_led()
        return self._led

    @property
    def standby(self) -> PatroniServer:
        """The other one."""
        return self.servers[1 - self.servers.index(self.leader)]

    @property
    def machines(self) -> tuple[Machine, Machine]:
        """Their machines."""
        return self.servers[0].machine, self.servers[1].machine

    def make(self) -> None:
        """Start etcd, and the first server."""
        self.etcd.start()
        self.servers[0].start()
        self.leader.ask("CREATE DATABASE engage", database="postgres")
        Probes.prepare(self.leader)

    def make_standby(self) -> None:
        """Start the second one."""
        self.servers[1].start()
        self.until_whole()

    def until_whole(self) -> float:
        """Wait until one server follows the other, and commits wait for it where they should. The seconds it took."""
        begun = time.monotonic()
        wanted = "sync" if self.is_synchronous else "streaming"
        eventually(lambda: self.leader.has_standby(wanted), f"the standby follows ({wanted})")
        if self.is_synchronous:  # known in etcd a round later: until then Patroni would not promote it
            eventually(lambda: self.leader.may_be_replaced(), "Patroni may promote the standby")
        return time.monotonic() - begun

    def until_led(self) -> None:
        """Wait until a server can be written to."""
        eventually(self._find, "a server accepts writes", 30.0)

    def until_led_by(self, server: PatroniServer) -> float:
        """Wait until this server can be written to. The seconds it took."""
        found = eventually(server.accepts_writes, f"{server.machine.name} accepts writes")
        self._led = server
        return found

    def wait_for_standby(self, wanted: bool) -> None:
        """Say whether a commit waits for the standby."""
        self.leader.configure(synchronous_mode=wanted)
        self.is_synchronous = wanted
        names = "SHOW synchronous_standby_names"
        eventually(lambda: bool(self.leader.ask(names, "postgres")) is wanted, "Patroni took the change")
        self.until_whole()

    def before_jump(self) -> None:
        """Nothing: Patroni ends the waiting by itself."""

    def after_jump(self) -> None:
        """Wait until both are together again."""
        self.until_whole()

    def _find(self) -> bool:
        for server in (self._led, *self.servers):
            if not server.is_frozen and server.accepts_writes():
                self._led = server
                return True
        return False
