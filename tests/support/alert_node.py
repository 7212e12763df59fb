"""One node that writes and sends a morning mail, in its own process: ``Forked(alert_node.main, ...)``."""

import os
import signal
import sys
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.event import listen

from engage_server.composition.alerts.channels import channel_for
from engage_server.services.alerts.dispatch import Dispatch
from tests.support.alerting import Alerting
from tests.support.briefings import CONSOLE
from tests.support.world import World

CLAIM_SECONDS = 2.0
_LONGEST = 30.0


class Killing:
    """Counts the writes of an engine, and ends the process at one of them as ``kill -9`` does.

    Args:
        engine: The engine.
        when: ``before`` or ``after`` its commit; ``never``.
        at: Which write.
    """

    def __init__(self, engine: Engine, when: str, at: int) -> None:
        self.writes = 0
        self._when, self._at = when, at
        self._is_write = False
        commit = engine.dialect.do_commit

        def counting(connection: Any) -> None:
            self._killed("before")
            commit(connection)
            self._killed("after")

        engine.dialect.do_commit = counting  # type: ignore[method-assign,assignment]
        listen(engine, "before_cursor_execute", self._look)

    def _look(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE") and not self._is_write:
            self._is_write = True
            self.writes += 1

    def _killed(self, when: str) -> None:
        if self._is_write and (when, self.writes) == (self._when, self._at):
            os.kill(os.getpid(), signal.SIGKILL)
        if when == "after":
            self._is_write = False


def run(folder: Path, now: datetime, when: str, at: int) -> int:
    """Run until nothing waits. Return how many writes were made."""
    with World(folder) as world:
        alerting, store = Alerting(world), world.store
        killing = Killing(store._engine, when, at)
        channels = partial(channel_for, environment={})
        sending = Dispatch(store, channels, f"node/{os.getpid()}", CONSOLE, lambda _: None, CLAIM_SECONDS)
        until = time.monotonic() + _LONGEST
        while time.monotonic() < until:
            alerting.mornings.run(now)
            sending.run(lambda: now)
            if store.outbox(1) and store.outbox_figures().oldest_seconds is None:
                break
            time.sleep(0.2)
        return killing.writes


def main(folder: Path, now: datetime, when: str, at: int) -> None:
    """Run in a folder of a world until nothing waits any more, and print how many writes were made.

    Args:
        folder: The world's.
        now: The time.
        when: With ``at``: at which write it is killed, ``before 3``, ``after 3`` or ``never 0``.
        at: See ``when``.
    """
    sys.stdout.write(f"writes: {run(folder, now, when, at)}\n")
