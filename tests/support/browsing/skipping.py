"""Tests that need a browser are skipped where there is none: the run says so, or fails where a browser is demanded."""

from collections import Counter
from collections.abc import Generator, Iterable

import pytest

_FOLDER = "tests/browser/"
_LEFT_OUT = ("long, run by", "campaign, run by")  # what a shorter run leaves out is no want of a browser


class BrowserSkips:
    """Says at the end how many tests had no browser, and why.

    Args:
        demanded: Whether such a test fails, as in CI.
    """

    def __init__(self, *, demanded: bool) -> None:
        self._demanded = demanded

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Make a failure of it where a browser is demanded."""
        report = yield
        return demand(report) if self._demanded else report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for each reason."""
        for reason, count in wants(terminalreporter.stats.get("skipped", [])).items():
            terminalreporter.write_line(f"NOT JUDGED BY A BROWSER: {count} tests: {reason}", red=True, bold=True)


def demand(report: pytest.TestReport) -> pytest.TestReport:
    """Fail a test that was skipped because it had no browser."""
    reason = want(report)
    if reason:
        report.outcome = "failed"
        report.longrepr = f"{reason}, but --need-browser says that it must be there"
    return report


def wants(reports: Iterable[pytest.TestReport]) -> Counter[str]:
    """Count the tests that had no browser, by the reason."""
    return Counter(reason for report in reports if (reason := want(report)))


def want(report: pytest.TestReport) -> str:
    """What a skipped test of the browser wanted; "" for any other."""
    if not report.skipped or not report.nodeid.startswith(_FOLDER) or not isinstance(report.longrepr, tuple):
        return ""
    reason = report.longrepr[2].removeprefix("Skipped: ")
    return "" if reason.startswith(_LEFT_OUT) else reason
