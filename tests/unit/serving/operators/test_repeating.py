"""What the operators' instance does over and over: nothing ends it, and lasting trouble is logged once."""

import logging
import threading
from collections.abc import Callable

import pytest

from engage_server.errors import EngageError, StoreNotUsable
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeated.repeating import Repeating, Sentences

SENTENCES = Sentences("nothing moves", "it moves again", "moving failed")


def scripted(*turns: Exception | None) -> Callable[[], None]:
    """A task whose turns end like this, one after the other."""
    left = list(turns)

    def task() -> None:
        outcome = left.pop(0)
        if outcome is not None:
            raise outcome

    return task


def logged(caplog: pytest.LogCaptureFixture, *turns: Exception | None) -> list[str]:
    """What the log has after these turns."""
    repeating = Repeating("test", 0.0, scripted(*turns), logging.getLogger("repeating"), SENTENCES)
    with caplog.at_level(logging.INFO, "repeating"):
        for _ in turns:
            repeating.once()
    return [record.getMessage() for record in caplog.records]


AWAY = StoreNotUsable("the store is away", "Wait.")


class TestRepeating:
    """One turn after the other."""

    def test_what_goes_well_is_not_worth_a_word(self, caplog: pytest.LogCaptureFixture) -> None:
        assert logged(caplog, None, None) == []

    def test_trouble_that_lasts_is_logged_once_and_so_is_its_end(self, caplog: pytest.LogCaptureFixture) -> None:
        lines = logged(caplog, AWAY, AWAY, None, None, AWAY)
        assert lines == [f"nothing moves: {AWAY}", "it moves again", f"nothing moves: {AWAY}"]

    def test_a_defect_is_logged_with_its_traceback_each_time(self, caplog: pytest.LogCaptureFixture) -> None:
        assert logged(caplog, KeyError("x"), KeyError("x")) == ["moving failed", "moving failed"]
        assert all(record.exc_info for record in caplog.records)

    def test_a_defect_is_no_end_of_trouble(self, caplog: pytest.LogCaptureFixture) -> None:
        assert logged(caplog, AWAY, KeyError("x"), AWAY) == [f"nothing moves: {AWAY}", "moving failed"]


class TestActingSide:
    """The services are opened once, and again only while that fails."""

    def test_it_opens_once(self) -> None:
        opened: list[object] = []

        def open_side() -> object:
            opened.append(object())
            return opened[-1]

        side = ActingSide(open_side)  # type: ignore[arg-type]  # what it opens does not matter
        assert side.get() is side.get()
        assert len(opened) == 1

    def test_it_tries_again_after_trouble(self) -> None:
        tried: list[int] = []

        def open_side() -> object:
            tried.append(1)
            if len(tried) == 1:
                raise AWAY
            return tried

        side = ActingSide(open_side)  # type: ignore[arg-type]  # what it opens does not matter
        with pytest.raises(EngageError):
            side.get()
        side.get()
        assert len(tried) == 2


def test_the_first_turn_waits_for_what_it_is_told_to() -> None:
    """So nothing is judged before this host has reported."""
    ran, after = threading.Event(), threading.Event()
    Repeating("test", 3600.0, ran.set, logging.getLogger("repeating"), SENTENCES).start(after)
    assert not ran.wait(0.2)
    after.set()
    assert ran.wait(10)
