"""A gate that looks once, in its own process: ``python -m tests.support.gate_node``.

Arguments: the database's URL, an empty folder, the time as ISO 8601, and ``frozen`` if it stops itself between its
decision and its write. It says ``decided`` before it stops, and then ``went on`` or ``too late``.
"""

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from engage_server.errors import Conflict
from engage_server.records import Occasion
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.databases import SEALER
from tests.support.world import World


class _Frozen:
    """A store that stops its process before it moves a rotation."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def move_rotation(self, *arguments: Any, **options: Any) -> Any:
        """Stop, and go on once somebody lets it."""
        say("decided")
        os.kill(os.getpid(), signal.SIGSTOP)
        return self._store.move_rotation(*arguments, **options)


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)  # noqa: T201  # its answer


def run(url: str, folder: Path, now: datetime, *, is_frozen: bool) -> None:
    """Look once."""
    with World(folder) as world:
        world.store.close()
        world.store = SqlStore(open_engine(url), SEALER)
        world.open_on(_Frozen(world.store) if is_frozen else world.store)
        told: list[str] = []
        try:
            world.rotations.go_on("main", Occasion("gate", now), told.append)
        except Conflict:
            told.append("conflict")
        say("went on" if any("is served" in each for each in told) else "too late")


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3]), is_frozen=sys.argv[4] == "frozen")
