"""What each test cost, at the end of a run: CPU seconds, which a busy machine does not change, beside the clock's."""

import time
from collections.abc import Generator
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import pytest

_SHOWN = 10


class Timing:
    """Adds up what each test and its processes took, and prints the ten that took most.

    What a test started and did not wait for, such as a pair that others share, counts where it ends.
    """

    def __init__(self, shown: int = _SHOWN) -> None:
        self._shown = shown
        self._taken: dict[str, tuple[float, float]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note when set-up begins."""
        item.user_properties.append(("begun", _now()))
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell the process that reports, another one with xdist, when tear-down has ended."""
        if call.when == "teardown":
            item.user_properties.append(("ended", _now()))
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up."""
        told: dict[str, Any] = dict(report.user_properties)
        if "ended" in told:
            cpu, clock = (ended - begun for begun, ended in zip(told["begun"], told["ended"], strict=True))
            self._taken[report.nodeid] = (cpu, clock)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        whole = sum(cpu for cpu, _ in self._taken.values())
        if not self._shown or whole < 1:
            return
        terminalreporter.write_sep("=", f"the slowest: tests took {whole:.0f} CPU seconds")
        slowest = sorted(self._taken.items(), key=lambda each: each[1], reverse=True)
        for name, (cpu, clock) in slowest[: self._shown]:
            terminalreporter.write_line(f"{cpu:6.2f} s of CPU, {clock:6.2f} s by the clock: {name}")


def _now() -> tuple[float, float]:
    used = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used), time.monotonic()
