"""Tests without a browser are counted, and fail where one is demanded."""

import pytest

from tests.support.browsing.skipping import demand, wants

REASON = "chromium is not installed"


def report(name: str, reason: str = "") -> pytest.TestReport:
    outcome, why = ("skipped", (name, 1, f"Skipped: {reason}")) if reason else ("passed", None)
    return pytest.TestReport(name, (name, 1, ""), {}, outcome, why, "setup")  # type: ignore[arg-type]  # pytest's own


def test_those_without_a_browser_are_counted_by_reason() -> None:
    reports = [
        report("tests/browser/test_a.py::test_a", REASON),
        report("tests/browser/test_a.py::test_b", REASON),
        report("tests/browser/test_a.py::test_c", "long, run by scripts/test --all; test_d"),
        report("tests/api/test_document.py::test_e", "Spectral is not there"),
        report("tests/browser/test_a.py::test_f"),
    ]
    assert wants(reports) == {REASON: 2}


def test_where_a_browser_is_demanded_such_a_test_fails() -> None:
    failed = demand(report("tests/browser/test_a.py::test_a", REASON))
    assert failed.failed
    assert str(failed.longrepr).startswith(REASON)


@pytest.mark.parametrize(
    "other",
    [
        report("tests/browser/test_a.py::test_a"),
        report("tests/api/test_document.py::test_b", REASON),
        report("tests/browser/test_a.py::test_c", "long, run by scripts/test --all; test_d"),
        report("tests/browser/test_a.py::test_d", "campaign, run by scripts/test --campaign; test_c"),
    ],
    ids=["passed", "of another folder", "long", "campaign"],
)
def test_no_other_test_does(other: pytest.TestReport) -> None:
    before = other.outcome
    assert demand(other).outcome == before
