"""Turns: as many as may, and each gives its turn back."""

import pytest

from engage_server.errors import Conflict
from engage_server.web.console import turns
from engage_server.web.console.turns import Turns


def test_who_comes_too_late_is_told_and_the_turn_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a failure."""
    monkeypatch.setattr(turns, "_LONGEST_WAIT_SECONDS", 0.01)
    one = Turns("counting")
    with one.taken(), pytest.raises(Conflict, match="others are counting now") as refused, one.taken():
        pass
    assert refused.value.code == "server.busy"
    with pytest.raises(ZeroDivisionError), one.taken():
        _ = 1 / 0
    with one.taken():
        pass


def test_several_may_at_once_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no more."""
    monkeypatch.setattr(turns, "_LONGEST_WAIT_SECONDS", 0.01)
    two = Turns("counting", 2)
    with two.taken(), two.taken(), pytest.raises(Conflict), two.taken():
        pass
