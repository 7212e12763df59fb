"""A bulk whose process is killed, again and again, is done in the end, and no Thing was written twice."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from engage_server.links.sim.plans.journal import bulks, read_bulk
from engage_server.links.sim.plans.outcomes import Counts, Outcome
from tests.support.checkout import ROOT
from tests.support.sim.bulk_process import refuses, work, written
from tests.support.sim.memory import iccid

_SECONDS = 300


def killed_after(folder: Path, count: int, writes: int) -> None:
    """Let a process work, and kill it once so many writes took effect."""
    program = [sys.executable, "-m", "tests.support.sim.bulk_process", str(folder), str(count)]
    process = subprocess.Popen(program, cwd=ROOT)
    try:
        end = time.monotonic() + _SECONDS
        while len(written(folder)) < writes and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.005)
        assert process.poll() is None, "it was killed in the middle"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def check(folder: Path, count: int, kills: list[int]) -> None:
    for writes in kills:
        killed_after(folder, count, writes)
        so_far = read_bulk(bulks(folder)[0])
        assert not so_far.is_over
        done = [thing for thing, outcome in so_far.outcomes.items() if outcome is Outcome.DONE]
        assert set(done) <= set(written(folder)), "what was written down did happen"
    refused = {iccid(number) for number in range(1, count + 1) if refuses(iccid(number))}
    assert work(folder, count) == Counts(count, done=count - len(refused), failed=len(refused))
    times = Counter(written(folder))
    assert set(times.values()) == {1}, "nothing was done twice"
    assert len(times) == count - len(refused), "and nothing was left out"
    assert {each.thing for each in read_bulk(bulks(folder)[0]).failures()} == refused


def test_a_killed_bulk_is_taken_up(tmp_path: Path) -> None:
    check(tmp_path, 800, [200])


@pytest.mark.campaign("test_a_killed_bulk_is_taken_up")
def test_ten_thousand_are_done_once_although_their_process_is_killed_three_times(tmp_path: Path) -> None:
    check(tmp_path, 10_000, [1500, 4000, 9000])
