"""Nodes: each a whole ``engage serve`` on its own machine, with its own data folder. And the desk where people sit."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.commands import ENGAGE, clean_environment, engage, ok
from tests.support.running import eventually
from tests.trials.clocks import WallClock
from tests.trials.network import Machine, Running

DOORS_CALL = "10.79.0.100"
"""The address of the balancers."""


class Desk:
    """Where commands are run: it has the settings and the keys, and serves nobody."""

    def __init__(self, machine: Machine, folder: Path, clock: WallClock, database_url: str) -> None:
        self.machine, self.folder, self.clock = machine, folder, clock
        folder.mkdir()
        self.environment = clean_environment() | {"ENGAGE_DATABASE_URL": database_url}

    def engage(self, *arguments: object, statuses: tuple[int, ...] = (0,)) -> str:
        """Run a command. What it prints."""
        found = subprocess.run(
            self.machine.command(ENGAGE, *map(str, arguments)),
            cwd=self.folder,
            env=self.environment | self.clock.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if found.returncode not in statuses:
            raise RuntimeError(f"engage {' '.join(map(str, arguments))}: {found.stdout}{found.stderr}")
        return found.stdout

    def status(self) -> dict[str, Any]:
        """What ``engage status`` says."""
        found: dict[str, Any] = json.loads(self.engage("status", "--json", statuses=(0, 1)))
        return found

    def set_up(self, address: str, chains: int, database_url: str) -> list[int]:
        """Make the installation, and more chains for it. The numbers of their releases: the first one is served.

        Args:
            address: What doors call.
            chains: How many.
            database_url: The database's, as this process reaches it.
        """

        def here(*arguments: object) -> str:
            return ok(engage(self.folder, *arguments, ENGAGE_DATABASE_URL=database_url))

        here("init", "--trials", "--site", "main", "--host", address)
        here("site", "export-key", "main", "site.key")
        numbers = [1]
        for each in range(1, chains):
            here("chain", "build", f"certs/more{each}", "--host", address)
            staged = json.loads(here("release", "stage", f"certs/more{each}", "--site", "main", "--json"))
            numbers.append(int(staged["number"]))
        return numbers


class Node:
    """One node.

    Args:
        machine: Where it runs.
        folder: What it keeps: nobody else writes there.
        clock: Its clock.
        desk: Has the settings.
        balancers: Who passes devices on to it.
    """

    def __init__(self, machine: Machine, folder: Path, clock: WallClock, desk: Desk, balancers: list[Machine]) -> None:
        self.machine, self.folder, self.clock = machine, folder, clock
        folder.mkdir()
        for name in ("engage.toml", "engage.kek"):
            shutil.copy(desk.folder / name, folder / name)
        self._environment = desk.environment | {
            "ENGAGE_PROXY_PROTOCOL_FROM": ",".join(f"{each.address}/32" for each in balancers),
            "ENGAGE_WORKERS": "1",
            "ENGAGE_ACCESS_LOG": "false",
            "ENGAGE_HTTP_PORT": "80",
            "ENGAGE_HTTPS_PORT": "443",
            "ENGAGE_HANDSHAKE_SECONDS": "10",
        }
        self.running: Running | None = None
        self._read = 0

    def start(self) -> None:
        """Start it, and wait until it says so."""
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start it."""
        log = self.folder / "log"
        self._read = len(log.read_text()) if log.exists() else 0
        environment = self._environment | self.clock.environment
        self.running = self.machine.start(log, environment, self.folder, ENGAGE, "serve")

    def wait_until_ready(self) -> None:
        """Wait until it serves."""
        program = self.program
        eventually(
            lambda: "lock fetch" in self.said or program.process.poll() is not None, f"{self.machine.name} serves"
        )
        if program.process.poll() is not None:
            raise RuntimeError(self.said)

    @property
    def said(self) -> str:
        """What it printed since its last start."""
        return self.program.said[self._read :]

    @property
    def program(self) -> Running:
        """What runs."""
        assert self.running is not None
        return self.running

    @property
    def copied_at(self) -> float:
        """When its copy was last as the database is, in seconds since 1970. 0: there is none."""
        copy = self.folder / "data" / "served.db"
        return copy.stat().st_mtime if copy.exists() else 0.0

    def spool_files(self) -> list[Path]:
        """The files of its spool whose lines may not be in the database yet."""
        return list((self.folder / "data" / "spool").glob("*.sightings"))
