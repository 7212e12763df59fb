"""Writes to a server that may believe that it leads, and counts which of its confirmations came to nothing."""

import threading
import time
from contextlib import suppress

import psycopg

from tests.trials.databases.server import Server

DATABASE = "probes"
_SECONDS = 40.0  # longer than Patroni takes to promote another one
_PAUSE = 0.2


class Probes:
    """One write after the other. Each has its own connection and thread: a commit may wait for a standby for ever.

    Args:
        server: The server. It is asked by its socket.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._confirmed: list[int] = []
        self._ended = threading.Event()
        self._base = int(time.monotonic() * 1000) % 1_000_000_000
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    @staticmethod
    def prepare(leader: Server) -> None:
        """Make the table that is written to."""
        leader.ask(f"CREATE DATABASE {DATABASE}", database="postgres")
        leader.ask("CREATE TABLE probes (number integer)", database=DATABASE)

    def end(self, leader: Server) -> tuple[int, int]:
        """How many writes the server confirmed, and how many of them are not there.

        Args:
            leader: The server that leads now.
        """
        self._ended.set()
        self._thread.join()
        kept = {int(str(row[0])) for row in leader.rows("SELECT number FROM probes", DATABASE)}
        return len(self._confirmed), sum(number not in kept for number in self._confirmed)

    def _write(self) -> None:
        until, number = time.monotonic() + _SECONDS, self._base
        while time.monotonic() < until and not self._ended.is_set():
            number += 1
            threading.Thread(target=self._write_one, args=(number,), daemon=True).start()
            time.sleep(_PAUSE)

    def _write_one(self, number: int) -> None:
        with suppress(psycopg.Error, OSError):
            self._server.ask(f"INSERT INTO probes VALUES ({number}) RETURNING number", DATABASE)  # noqa: S608  # ours
            self._confirmed.append(number)
