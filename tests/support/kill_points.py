"""Ends a process with kill -9 at one of the places where it changes what others see: a file, a name, a database.

``Forked(kill_points.command, POINT, WORD...)`` runs an ``engage`` command in a process, and kills it before or after
its POINT-th change. In a test's own process, an exception takes the place of the signal.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event


class Killed(BaseException):
    """The process would have ended here."""


def killed_for_good() -> None:
    """Nothing after this runs."""
    os.kill(os.getpid(), signal.SIGKILL)


def raise_killed() -> None:
    """For a test's own process."""
    raise Killed


class KillPoints:
    """Counts the changes of a process, and ends it at one of them.

    Args:
        at: The number of the point, from 1. 0 for none.
        end: Ends it.
    """

    def __init__(self, at: int, end: Callable[[], None] = raise_killed) -> None:
        self._at, self._end = at, end
        self.count = 0

    def point(self) -> None:
        """The process is before or after a change."""
        self.count += 1
        if self.count == self._at:
            self._end()

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function between two points."""

        def between(*arguments: Any, **named: Any) -> Any:
            self.point()
            result = function(*arguments, **named)
            self.point()
            return result

        return between

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While this is open, changes count."""
        with ExitStack() as undone:
            for owner, name in ((os, "fsync"), (os, "link"), (Path, "replace"), (Path, "unlink")):
                undone.enter_context(patch.object(owner, name, self.around(getattr(owner, name))))

            def before_commit(_connection: object) -> None:
                self.point()

            event.listen(Engine, "commit", before_commit)
            undone.callback(event.remove, Engine, "commit", before_commit)
            yield


def command(at: int, *words: str) -> None:
    """Run the command in this process, which is its own."""
    from engage_server import cli

    sys.argv = ["engage", *words]
    with KillPoints(at, killed_for_good).watched():
        cli.main(list(words))
