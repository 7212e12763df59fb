"""A short run of ``scripts/fuzz-links kpn``; docs/fuzzing.md holds the long ones."""

import random

import pytest

from tests.fuzz import kpn
from tests.support.kpn import DEVICE_SECRET, IMEI, OTHER_SECRET, call, pack
from tests.support.lengths import examples


def test_a_short_run() -> None:
    count = examples(all=3000, quick=1000)
    found = [outcome for outcome, _ in kpn.run(count, seed=20261126)]
    assert len(found) == count
    statuses = {"destination 200", "destination 400", "destination 401", "destination 404"}
    assert set(found) == statuses | {"ingestion 200", "ingestion 400", "ingestion 401"}, "all are reached"


def test_what_is_accepted_without_proof_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = kpn.FuzzedDesk()
    desk.tables.secrets[IMEI] = OTHER_SECRET
    with pytest.raises(AssertionError, match="without proof"):
        desk.outcome(call(pack(), OTHER_SECRET), "")
    monkeypatch.setattr("engage_server.links.kpn.answering.destination.is_genuine", lambda *_: True)
    with pytest.raises(AssertionError, match="without the right token"):
        desk.outcome(call(pack(), DEVICE_SECRET), "doors")


def test_the_same_seed_makes_the_same_messages() -> None:
    one, other = (random.Random(7) for _ in range(2))  # noqa: S311  # nothing is kept secret with it
    assert [kpn.calls(one) for _ in range(50)] == [kpn.calls(other) for _ in range(50)]
