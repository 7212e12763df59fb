"""What each test cost, at the end of a run: CPU seconds, which a busy machine does not change, beside the clock's."""

import os
import time
from collections import defaultdict
from collections.abc import Generator
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import pytest

from tests.support.processes import children_of, cpu_seconds

SHARED = "made for several: "
"""How the names of fixtures begin that several tests use."""

_SHOWN = 10
Cost = tuple[float, float]
"""Seconds of CPU, and by the clock."""


class Timing:
    """Adds up what each test and its processes took, and prints the ten that took most.

    What a process uses counts when it uses it, not when it is waited for: a pair that tests share counts for each while
    it runs. What is made for several tests stands by itself, not in the first of them.

    Attributes:
        taken: What each took, by its name.
    """

    def __init__(self, shown: int = _SHOWN) -> None:
        self._shown = shown
        self.taken: dict[str, Cost] = defaultdict(lambda: (0.0, 0.0))
        self._shared: list[tuple[str, float, float]] = []  # made since the present test began
        self._depth = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note when set-up begins."""
        self._shared = []
        item.user_properties.append(("begun", _now()))
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Set apart what is made for several tests. One within another is in its cost."""
        if fixturedef.scope == "function" or self._depth:
            return (yield)
        begun = _now()
        self._depth += 1
        try:
            return (yield)
        finally:
            self._depth -= 1
            self._shared.append((f"{fixturedef.baseid}: {fixturedef.argname}", *_between(begun, _now())))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell the process that reports, another one with xdist, when tear-down has ended."""
        if call.when == "teardown":
            item.user_properties.append(("ended", _now()))
            item.user_properties.append(("shared", self._shared))
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up."""
        told: dict[str, Any] = dict(report.user_properties)
        if "ended" not in told:
            return
        own = _between(told["begun"], told["ended"])
        for name, *cost in told["shared"]:
            own = _between(cost, own)
            self._add(f"{SHARED}{name}", cost)
        self._add(report.nodeid, own)

    def _add(self, name: str, cost: Any) -> None:
        cpu, clock = self.taken[name]
        self.taken[name] = (cpu + cost[0], clock + cost[1])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        whole = sum(cpu for cpu, _ in self.taken.values())
        if not self._shown or whole < 1:
            return
        terminalreporter.write_sep("=", f"the slowest: tests took {whole:.0f} CPU seconds")
        slowest = sorted(self.taken.items(), key=lambda each: each[1], reverse=True)
        for name, (cpu, clock) in slowest[: self._shown]:
            terminalreporter.write_line(f"{cpu:6.2f} s of CPU, {clock:6.2f} s by the clock: {name}")


def _now() -> Cost:
    used = sum(each.ru_utime + each.ru_stime for each in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))
    return used + sum(map(cpu_seconds, children_of(os.getpid()))), time.monotonic()


def _between(before: Any, after: Any) -> Cost:
    """What was used meanwhile: no less than nothing, though what a killed process's children used is lost."""
    return max(0.0, after[0] - before[0]), max(0.0, after[1] - before[1])
