"""A stage with a real server pair, in front of doors on real sockets, at the time of day."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engage_server.lock.transport import http, tls_peer
from engage_server.protocol.site_key import write_site_key
from engage_server.services.evidence.spool import segments
from tests.support.chains import OTHER_SITE_KEY, SITE_KEY
from tests.support.commands import engage
from tests.support.running import RunningPair, eventually
from tests.support.transcripts.local_network import REAL, SHOWN, LocalNetwork
from tests.support.transcripts.page import PageInvalid
from tests.support.transcripts.playing import Ended
from tests.support.transcripts.shell import Line, Shell, path_with_engage
from tests.support.transcripts.surroundings import SHOWN_FOLDER, folder_as_wide
from tests.support.world import serial_of

_HOST = "locks.example.org"
_DOORS = (("North entrance", "Building 3"), ("South entrance", "Building 3"), ("Workshop", "Building 4"))
_OPERATORS = "localhost:8008"
_TICK_SECONDS = 0.3  # by then a worker has written down a handshake that no request followed
_CALLS = re.compile(r"door (\d) calls( in)?(, with another site key)?")


class RunningHost:
    """A folder with the site key and the list of doors; ``engage serve`` on a page starts a real pair.

    Doors are virtual locks that do not say so: to a host they are doors.
    """

    times_vary = True

    def __init__(self, folder: Path, network: LocalNetwork) -> None:
        self._folder = folder
        self._network = network
        self._shell = Shell(folder)
        self._pair: RunningPair | None = None
        (folder / "site.key").write_bytes(write_site_key(SITE_KEY))
        (folder / "other.key").write_bytes(write_site_key(OTHER_SITE_KEY))
        doors = "".join(f"{serial_of(door)},{name},{place}\n" for door, (name, place) in enumerate(_DOORS, 1))
        (folder / "doors.csv").write_text(f"serial,name,place\n{doors}")

    def run(self, command: str) -> Ended:
        """Run a command."""
        ended = self._shell.run(self._here(command), self._engage)
        return Ended(ended.status, self._shown(ended.shown))

    def happen(self, what: str) -> None:
        """A door calls, or the key of another site is brought."""
        if found := _CALLS.fullmatch(what):
            self._call(int(found[1]), calls_in=bool(found[2]), has_another_key=bool(found[3]))
        elif found := re.fullmatch(r"(\S+)\.key is brought", what):
            (self._folder / f"{found[1]}.key").write_bytes(write_site_key(OTHER_SITE_KEY))
            (self._folder / f"{found[1]}-doors.csv").write_text(f"serial\n{serial_of(len(_DOORS) + 1)}\n")
        else:
            raise PageInvalid(f"nothing of the kind can happen on this stage: {what}")

    def _call(self, door: int, *, calls_in: bool, has_another_key: bool) -> None:
        key = "other.key" if has_another_key else "site.key"
        options = ["--site-key-file", key, "--serial", serial_of(door), "--state", f"door{door}.json"]
        options += ["--call-in"] * calls_in
        with (
            patch.object(http, "HEADER", "X-Door"),
            patch.object(tls_peer, "ALPN_PROTOCOLS", (b"http/1.1",)),
            self._network.calling_from(door),
        ):
            done = engage(self._folder, "lock", "fetch", f"http://{_HOST}", *options)
        assert done.returncode == has_another_key, done.stdout + done.stderr
        self._settle()

    def close(self) -> None:
        """Stop the pair."""
        if self._pair is not None:
            self._pair.stop()

    def _engage(self, line: Line) -> Ended:
        return self._serve() if line.arguments == ["serve"] else self._shell.engage(line)

    def _serve(self) -> Ended:
        """Start the pair; what its terminal shows until it is ready, without the lines of its log."""
        self._pair = pair = RunningPair(
            self._folder,
            *("--workers", "1", "--bind", "0.0.0.0"),  # as an operator's: the network of the site keeps others out
            ENGAGE_PUBLIC_HTTP_PORT="80",
            PATH=path_with_engage(),
        )
        self._network.ports.update({80: pair.http_port, 443: pair.https_port, 8008: pair.operators_port})
        pair.wait_until_ready()
        eventually(lambda: "/metrics" in pair.log, "all of it is printed")
        eventually(self._are_known, "each instance has reported to the store, a moment after it serves")
        return Ended(0, "".join(line for line in pair.log.splitlines(keepends=True) if not line.startswith("{")))

    def _here(self, command: str) -> str:
        """As it must be run on this machine, where the operators' listener has another port."""
        here = command.replace(SHOWN, REAL)
        return here if self._pair is None else here.replace(_OPERATORS, f"localhost:{self._pair.operators_port}")

    def _settle(self) -> None:
        """Until what doors did lies in the database."""
        time.sleep(_TICK_SECONDS)
        eventually(self._is_stored, "what doors did is stored")

    def _are_known(self) -> bool:
        return {name for (name,) in self._rows("SELECT listener FROM workers")} >= {"http", "https"}

    def _is_stored(self) -> bool:
        offsets = dict(self._rows("SELECT segment, offset FROM spool_offsets"))
        spooled = segments(self._folder / "data" / "spool")
        return all(each.path.stat().st_size <= offsets.get(each.name, 0) for each in spooled)

    def _rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self._folder / "data" / "engage.db")) as database:
            return database.execute(query).fetchall()

    def _shown(self, text: str) -> str:
        """As on a machine with the ports that devices know."""
        if self._pair is not None:
            pair = self._pair
            text = text.replace(f":{pair.http_port}", "").replace(f":{pair.https_port}", "")
            text = text.replace(f" --https-port {pair.https_port}", "")
            text = re.sub(rf"\b{pair.operators_port}\b", "8008", text)  # not within a hash
        return text.replace(REAL, SHOWN).replace(str(self._folder), SHOWN_FOLDER)


@contextmanager
def running_host() -> Iterator[RunningHost]:
    """Such a stage."""
    network = LocalNetwork()
    with folder_as_wide() as folder, network.in_place():
        stage = RunningHost(folder, network)
        try:
            yield stage
        finally:
            stage.close()
