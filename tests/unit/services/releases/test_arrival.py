"""Waiting until every worker serves a change: for whom, how long, and what is said meanwhile. On simulated time."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from engage_server.records import WorkerStatus
from engage_server.services.releases.arrival import Clock, wait_for_workers
from engage_server.services.releases.confirmation import Confirmation, Confirmations
from tests.support.chains import NOW


def worker(name: str, *, host: str = "", pid: int = 0, heard: timedelta = timedelta(minutes=1)) -> WorkerStatus:
    """One that was heard this long ago."""
    return WorkerStatus(
        worker=name,
        host=host or socket.gethostname(),
        pid=pid or os.getpid(),
        listener="https",
        generation=1,
        served={},
        trouble={},
        seen_at=NOW - heard,
    )


class Scene:
    """Workers that arrive at a given second, and time that passes only while somebody waits."""

    def __init__(self, behind: Sequence[WorkerStatus], arrives_at: float, silent: Sequence[WorkerStatus] = ()) -> None:
        self.seconds = 0.0
        self.told: list[list[str]] = []
        self._behind, self._arrives_at, self._silent = tuple(behind), arrives_at, tuple(silent)

    def wait(self, seconds: float) -> Confirmation:
        """Wait at most so long."""
        confirmations = SimpleNamespace(generation=lambda: 7, look=self._look)
        clock = Clock(lambda: self.seconds, self._now, self._pause)
        return wait_for_workers(cast(Any, confirmations), "main", seconds, clock, self._tell)

    def _look(self, site: str, generation: int) -> Confirmation:
        assert (site, generation) == ("main", 7)
        is_there = self.seconds >= self._arrives_at
        return Confirmation(
            generation, self._behind if is_there else (), () if is_there else self._behind, (), self._silent
        )

    def _now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def _pause(self, seconds: float) -> None:
        self.seconds += seconds

    def _tell(self, missing: Sequence[WorkerStatus]) -> None:
        self.told.append([each.worker for each in missing])


def dead_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_it_returns_as_soon_as_all_have_arrived() -> None:
    scene = Scene([worker("a")], arrives_at=1.0)
    assert scene.wait(15).is_complete
    assert 1.0 <= scene.seconds < 1.2
    assert scene.told == [], "nobody wonders yet"


def test_when_the_time_is_over_it_says_who_is_missing() -> None:
    scene = Scene([worker("a")], arrives_at=60)
    found = scene.wait(5)
    assert [each.worker for each in found.behind] == ["a"]
    assert 5.0 <= scene.seconds < 5.2
    assert scene.told == [["a"]], "once, and not at every look"


def test_a_process_of_this_machine_that_has_ended_is_not_waited_for() -> None:
    gone = worker("gone", pid=dead_process())
    scene = Scene([gone], arrives_at=60, silent=[gone])
    found = scene.wait(5)
    assert (found.behind, found.silent, scene.seconds) == ((), (), 0.0)


def test_one_that_was_heard_just_now_is_waited_for_whatever_its_process_is() -> None:
    scene = Scene([worker("new", pid=dead_process(), heard=timedelta())], arrives_at=3)
    assert scene.wait(15).is_complete
    assert scene.seconds >= 3


def test_one_of_another_machine_cannot_be_looked_for_so_it_counts() -> None:
    away = worker("away", host="gate-2", pid=dead_process())
    found = Scene([], arrives_at=0, silent=[away]).wait(1)
    assert found.silent == (away,)
    assert not found.is_complete


def test_the_real_confirmations_have_what_it_asks_for() -> None:
    assert {"generation", "look"} <= set(dir(Confirmations))
