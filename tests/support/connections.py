"""A test that leaves a connection to a database open fails: else some later test fails, when the collector finds it."""

from collections.abc import Generator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry, Pool

_OUTCOME = pytest.StashKey[str]()


class ConnectionsClosed:
    """Notes which connections a test uses first, and asks after it whether they are closed.

    What fixtures have opened before the test itself began is theirs: several tests may share it.
    """

    def __init__(self) -> None:
        self._open: dict[int, Any] = {}
        self._is_in_test = False
        event.listen(Pool, "checkout", self._used)
        for ended in ("close", "close_detached"):
            event.listen(Pool, ended, self._closed)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """What is opened from now on is the test's."""
        self._open.clear()
        self._is_in_test = True
        try:
            return (yield)
        finally:
            self._is_in_test = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Ask and close when the test's own fixtures are gone, too. A test that failed has said why."""
        done = yield
        left = len(self._open)
        while self._open:
            self._open.popitem()[1].close()
        if left and item.stash.get(_OUTCOME, "") != "failed":
            pytest.fail(f"it left {left} connection{'s' * (left > 1)} to a database open: close what it opened")
        return done

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how the test itself ended."""
        report = yield
        if report.when == "call":
            item.stash[_OUTCOME] = report.outcome
        return report

    def _used(self, connection: Any, entry: ConnectionPoolEntry, _: object) -> None:
        if self._is_in_test and self not in entry.info:
            self._open[id(connection)] = connection
        entry.info[self] = True

    def _closed(self, connection: Any, *_: object) -> None:
        self._open.pop(id(connection), None)
