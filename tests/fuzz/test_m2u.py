"""A short run of ``scripts/fuzz-links m2u``; docs/fuzzing.md holds the long ones."""

import pytest

from engage_server.links.m2u.identity import Identity
from tests.fuzz import m2u
from tests.support.lengths import examples


def test_a_short_run() -> None:
    count = examples(all=1000, quick=1000, campaign=3000)
    found = [outcome for outcome, _ in m2u.run(count, seed=20261126)]
    assert len(found) == count
    assert {"accepted", "wait", "400", "401", "403", "404"} <= set(found), "all are reached"


def test_what_is_accepted_wrongly_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.links.m2u.slots.read_identity", lambda _: Identity("acme", "ewon-1", ""))
    with pytest.raises(AssertionError):
        list(m2u.run(300, seed=1))


def test_a_crash_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.links.m2u.slots.presented_login", lambda *_: 1 / 0)
    with pytest.raises(AssertionError):
        list(m2u.run(300, seed=1))


def test_the_second_reading_is_no_rubber_stamp() -> None:
    good = m2u.seeds()[0]
    assert m2u.may_be_accepted(good)
    changes = ((b"X_Talk2M_D", b"X-Talk2M_D"), (b"acme", b"stranger"), (b"Authorization", b"A"), (b"cGxh", b"cGxi"))
    for one, other in changes:
        assert one in good
        assert not m2u.may_be_accepted(good.replace(one, other))
    assert m2u.may_be_accepted(good.replace(b"Number: 1", b"Number: 2"))
