"""What a test cost is what it and its processes used meanwhile, not what came to light meanwhile."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.timing import Timing

_BURNS = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"


def cost_of(timing: Timing, work: Callable[[], object]) -> tuple[float, float]:
    """What a test that does this is said to have taken: CPU and clock."""
    item: Any = SimpleNamespace(user_properties=[])
    next(timing.pytest_runtest_protocol(item))
    work()
    ended: Any = SimpleNamespace(when="teardown")
    next(timing.pytest_runtest_makereport(item, ended))
    report: Any = SimpleNamespace(nodeid="a test", user_properties=item.user_properties)
    timing.taken.pop("a test", None)
    timing.pytest_runtest_logreport(report)
    return timing.taken["a test"]


@pytest.fixture
def burning() -> Any:
    """A process that uses some CPU, says so, and stays."""
    with subprocess.Popen(
        [sys.executable, "-c", _BURNS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_what_a_process_uses_counts_when_it_uses_it(burning: Any) -> None:
    timing = Timing()
    assert cost_of(timing, burning.stdout.readline)[0] > 0.2, "though nobody has waited for it"
    assert cost_of(timing, lambda: burning.communicate("\n"))[0] < 0.2, "and not again when it is waited for"
    assert cost_of(timing, lambda: None)[0] < 0.1


def test_what_is_made_for_several_stands_by_itself() -> None:
    timing = Timing()

    def made(scope: str) -> None:
        fixture: Any = SimpleNamespace(scope=scope, baseid="tests/x.py", argname="pair")
        setting_up = timing.pytest_fixture_setup(fixture)
        next(setting_up)
        time.sleep(0.5)
        with suppress(StopIteration):
            setting_up.send(None)

    assert cost_of(timing, lambda: made("session"))[1] < 0.4
    assert timing.taken["made for several: tests/x.py: pair"][1] > 0.4
    assert cost_of(timing, lambda: made("function"))[1] > 0.4, "the control: what only this test has"


def test_what_a_killed_process_had_below_it_is_lost_and_nothing_is_negative() -> None:
    timing = Timing()
    report: Any = SimpleNamespace(
        nodeid="x", user_properties=[("begun", (9.0, 1.0)), ("ended", (8.0, 2.0)), ("shared", [])]
    )
    timing.pytest_runtest_logreport(report)
    assert timing.taken["x"] == (0.0, 1.0)
